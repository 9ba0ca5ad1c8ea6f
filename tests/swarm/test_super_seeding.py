"""Super-seeding: each piece is given once, to one downloader."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.swarm.super_seeding import SuperSeeding
from p2p_twisted.wire.ranges import bits, from_ranges, members, to_ranges

A, B = "a" * 64, "b" * 64


def test_every_piece_is_given_to_one_downloader_only() -> None:
    super_seeding = SuperSeeding()
    given = [super_seeding.next(downloader, [(A, ((0, 5),), 6)]) for downloader in "xyxyxy"]
    assert given == [(A, piece) for piece in range(6)]
    assert super_seeding.next("x", [(A, ((0, 5),), 6)]) is None
    assert super_seeding.next("newcomer", [(A, ((0, 5),), 6)]) is None


def test_only_what_is_wanted_is_given() -> None:
    super_seeding = SuperSeeding()
    wants = [(A, ((1, 1), (4, 5)), 6)]
    assert [super_seeding.next("x", wants) for _ in range(4)] == [(A, 1), (A, 4), (A, 5), None]
    assert super_seeding.next("y", [(A, ((0, 5),), 6)]) == (A, 0)


def test_files_are_looked_at_in_the_order_of_the_wants() -> None:
    super_seeding = SuperSeeding()
    wants = [(B, ((0, 0),), 1), (A, ((0, 1),), 2)]
    assert [super_seeding.next("x", wants) for _ in range(4)] == [(B, 0), (A, 0), (A, 1), None]


def test_a_piece_that_did_not_arrive_is_given_again() -> None:
    super_seeding = SuperSeeding()
    super_seeding.next("x", [(A, ((0, 1),), 2)])
    super_seeding.take_back(A, 0)
    assert super_seeding.next("y", [(A, ((0, 1),), 2)]) == (A, 0)
    assert super_seeding.next("y", [(A, ((0, 1),), 2)]) == (A, 1)


def test_a_later_swarm_starts_from_nothing() -> None:
    super_seeding = SuperSeeding()
    for downloader in "xy":
        super_seeding.next(downloader, [(A, ((0, 1),), 2), (B, ((0, 0),), 1)])
    super_seeding.remove("x")
    assert super_seeding.next("z", [(A, ((0, 1),), 2)]) is None
    super_seeding.remove("z")
    super_seeding.remove("y")
    assert super_seeding.next("z", [(A, ((0, 1),), 2)]) == (A, 0)


def test_those_of_ones_own_site_do_not_wait_for_others() -> None:
    super_seeding = SuperSeeding()
    wants = [(A, ((0, 99),), 100)]
    for downloader in ("far", "farther"):
        super_seeding.next(downloader, wants, is_near=False)
    for _ in range(10):
        for downloader in ("near", "nearer"):
            super_seeding.next(downloader, wants, is_near=True)
    assert not super_seeding.is_ahead("near")
    for _ in range(5):
        super_seeding.next("far", wants, is_near=False)
    super_seeding.next("farthest", wants, is_near=False)
    assert super_seeding.is_ahead("far")
    assert not super_seeding.is_ahead("farther")
    for downloader in ("far", "farther", "farthest", "near", "nearer"):
        super_seeding.remove(downloader)
    assert super_seeding.next("far", wants) == (A, 0)


def test_unknown_downloaders_and_pieces_can_be_removed() -> None:
    super_seeding = SuperSeeding()
    super_seeding.remove("x")
    super_seeding.take_back(A, 3)
    assert super_seeding.next("x", [(A, ((3, 3),), 4)]) == (A, 3)


def test_wants_beyond_the_file_cost_nothing() -> None:
    super_seeding = SuperSeeding()
    assert super_seeding.next("x", [(A, ((3, 2**32),), 5)]) == (A, 3)
    assert super_seeding.next("x", [(A, ((7, 2**32),), 5)]) is None
    assert super_seeding.next("x", []) is None


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
def test_nothing_is_given_twice_unless_it_was_taken_back(steps) -> None:
    super_seeding, count = SuperSeeding(), 12
    out = {A: set(), B: set()}
    for what, downloader, sha256, pieces in steps:
        if what == "back":
            piece = min(pieces)
            super_seeding.take_back(sha256, piece)
            out[sha256].discard(piece)
            continue
        wanted = {piece for piece in pieces if piece < count}
        given = super_seeding.next(downloader, [(sha256, to_ranges(bits(pieces)), count)])
        if given is None:
            assert wanted <= out[sha256], "something was left to give"
        else:
            assert given[0] == sha256
            assert given[1] in wanted - out[sha256]
            out[sha256].add(given[1])


@given(st.sets(st.integers(0, 40)), st.integers(1, 5))
def test_all_wanted_pieces_are_given_to_any_downloader(pieces, downloaders) -> None:
    super_seeding, ranges = SuperSeeding(), to_ranges(bits(pieces))
    given = [super_seeding.next(number % downloaders, [(A, ranges, 30)]) for number in range(50)]
    assert [piece for _, piece in filter(None, given)] == list(members(from_ranges(ranges, 30)))


def after_giving(**counts):
    """Return a SuperSeeding that has given each downloader so many pieces."""
    super_seeding = SuperSeeding()
    for downloader, count in counts.items():
        for _ in range(count):
            assert super_seeding.next(downloader, [(A, ((0, 999),), 1000)])
    return super_seeding


def test_a_downloader_above_the_median_is_ahead_until_the_others_catch_up_or_leave() -> None:
    assert not SuperSeeding().is_ahead("a")
    assert not after_giving(a=3, b=2, c=2).is_ahead("a")
    super_seeding = after_giving(a=4, b=2, c=2)
    assert [downloader for downloader in "abc" if super_seeding.is_ahead(downloader)] == ["a"]
    for downloader in "bc":
        super_seeding.next(downloader, [(A, ((0, 99),), 100)])
    assert not super_seeding.is_ahead("a")
    super_seeding = after_giving(a=9, b=2, c=2)
    super_seeding.remove("b")
    super_seeding.remove("c")
    assert not super_seeding.is_ahead("a")


def test_a_slow_or_new_downloader_delays_nobody() -> None:
    assert not after_giving(a=50, slow=1).is_ahead("a")
    super_seeding = after_giving(a=50, b=51, c=50, slow=3, new=1)
    assert not any(super_seeding.is_ahead(downloader) for downloader in ("a", "b", "c"))
