"""What a full source gives to those who ask for the next piece: every piece once, to one of them."""

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.swarm.super_seeding import Handout
from p2p_twisted.wire.ranges import from_ranges, to_ranges

A, B = "a" * 64, "b" * 64


def test_every_piece_is_given_to_one_asker_only():
    handout = Handout()
    given = [handout.next(asker, [(A, ((0, 5),), 6)]) for asker in "xyxyxy"]
    assert given == [(A, piece) for piece in range(6)]
    assert handout.next("x", [(A, ((0, 5),), 6)]) is None
    assert handout.next("newcomer", [(A, ((0, 5),), 6)]) is None


def test_only_what_is_wanted_is_given():
    handout = Handout()
    wants = [(A, ((1, 1), (4, 5)), 6)]
    assert [handout.next("x", wants) for _ in range(4)] == [(A, 1), (A, 4), (A, 5), None]
    assert handout.next("y", [(A, ((0, 5),), 6)]) == (A, 0)


def test_files_are_looked_at_in_the_order_of_the_wants():
    handout = Handout()
    wants = [(B, ((0, 0),), 1), (A, ((0, 1),), 2)]
    assert [handout.next("x", wants) for _ in range(4)] == [(B, 0), (A, 0), (A, 1), None]


def test_what_did_not_arrive_is_given_again():
    handout = Handout()
    handout.next("x", [(A, ((0, 1),), 2)])
    handout.take_back(A, 0)
    assert handout.next("y", [(A, ((0, 1),), 2)]) == (A, 0)
    assert handout.next("y", [(A, ((0, 1),), 2)]) == (A, 1)


def test_a_later_swarm_begins_anew():
    handout = Handout()
    for asker in "xy":
        handout.next(asker, [(A, ((0, 1),), 2), (B, ((0, 0),), 1)])
    handout.gone("x")
    assert handout.next("z", [(A, ((0, 1),), 2)]) is None
    handout.gone("z")
    handout.gone("y")
    assert handout.next("z", [(A, ((0, 1),), 2)]) == (A, 0)


def test_what_nobody_knows_may_be_gone_or_taken_back():
    handout = Handout()
    handout.gone("x")
    handout.take_back(A, 3)
    assert handout.next("x", [(A, ((3, 3),), 4)]) == (A, 3)


def test_wants_beyond_the_file_cost_nothing():
    handout = Handout()
    assert handout.next("x", [(A, ((3, 2**32),), 5)]) == (A, 3)
    assert handout.next("x", [(A, ((7, 2**32),), 5)]) is None
    assert handout.next("x", []) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["next", "next", "next", "back"]),
            st.integers(0, 3),
            st.sampled_from([A, B]),
            st.sets(st.integers(0, 14), min_size=1),
        )
    )
)
def test_nothing_is_given_twice_unless_it_was_taken_back(steps):
    handout, count = Handout(), 12
    out = {A: set(), B: set()}
    for what, asker, sha256, pieces in steps:
        if what == "back":
            piece = min(pieces)
            handout.take_back(sha256, piece)
            out[sha256].discard(piece)
            continue
        wanted = {piece for piece in pieces if piece < count}
        given = handout.next(asker, [(sha256, to_ranges(pieces), count)])
        if given is None:
            assert wanted <= out[sha256], "something was left to give"
        else:
            assert given[0] == sha256
            assert given[1] in wanted - out[sha256]
            out[sha256].add(given[1])


@given(st.sets(st.integers(0, 40)), st.integers(1, 5))
def test_all_that_is_wanted_is_given_whoever_asks(pieces, askers):
    handout, ranges = Handout(), to_ranges(pieces)
    given = [handout.next(number % askers, [(A, ranges, 30)]) for number in range(50)]
    assert [piece for _, piece in filter(None, given)] == list(from_ranges(ranges, 30))


def given(**counts):
    """A handout that has given each asker so many pieces."""
    handout = Handout()
    for asker, count in counts.items():
        for _ in range(count):
            assert handout.next(asker, [(A, ((0, 999),), 1000)])
    return handout


def test_who_has_been_given_more_than_most_is_ahead_until_they_have_caught_up_or_are_gone():
    assert not Handout().is_ahead("a")
    assert not given(a=3, b=2, c=2).is_ahead("a")
    handout = given(a=4, b=2, c=2)
    assert [asker for asker in "abc" if handout.is_ahead(asker)] == ["a"]
    for asker in "bc":
        handout.next(asker, [(A, ((0, 99),), 100)])
    assert not handout.is_ahead("a")
    handout = given(a=9, b=2, c=2)
    handout.gone("b")
    handout.gone("c")
    assert not handout.is_ahead("a")


def test_one_that_takes_little_or_has_just_come_holds_nobody_up():
    assert not given(a=50, slow=1).is_ahead("a")
    handout = given(a=50, b=51, c=50, slow=3, new=1)
    assert not any(handout.is_ahead(asker) for asker in ("a", "b", "c"))
