"""Super-seeding: each piece is given once, to one downloader."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.swarm.super_seeding import MAX_RANGES, MAX_UNSPREAD, SuperSeeding
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


class Swarm:
    """A source of a file of `count` pieces and its downloaders, each of which has asked once."""

    def __init__(self, names: str, count: int = 100) -> None:
        self.source = SuperSeeding()
        self.count = count
        self.has: dict[str, set[int]] = {name: set() for name in names}
        for name in names:
            self.source.next(name, [(A, (), count)])

    def give(self, name: str, times: int = 1) -> list[int]:
        """Have the source give the downloader so many pieces; return them."""
        given = [self.source.next(name, [(A, ((0, self.count - 1),), self.count)]) for _ in range(times)]
        pieces = [one[1] for one in given if one is not None]
        self.has[name].update(pieces)
        return pieces

    def ask(self, name: str, *got: int) -> None:
        """Have the downloader get pieces from others, and then ask the source for what it lacks."""
        self.has[name].update(got)
        lacking = bits(range(self.count)) & ~bits(self.has[name])
        self.source.hear(name, [(A, to_ranges(lacking))])


def rank(swarm: Swarm, name: str) -> int:
    """Return how many pieces are with the downloader alone."""
    return swarm.source.unspread.get(name, 0)


def test_a_downloader_goes_after_those_with_fewer_pieces_that_nobody_else_has() -> None:
    swarm = Swarm("xy")
    first, second = swarm.give("x", 2)
    swarm.give("y")
    assert [rank(swarm, name) for name in "xyz"] == [2, 1, 0]
    swarm.ask("y", first)
    assert [rank(swarm, name) for name in "xy"] == [1, 1]
    swarm.ask("y", second)
    swarm.ask("y")
    swarm.ask("x")
    assert [rank(swarm, name) for name in "xy"] == [0, 1]


def test_a_piece_that_turns_out_to_be_wrong_is_with_nobody_else_after_all() -> None:
    swarm = Swarm("xyz")
    (piece,) = swarm.give("x")
    swarm.ask("y", piece)
    assert rank(swarm, "x") == 0
    swarm.ask("z")
    assert rank(swarm, "x") == 0, "one other has it"
    swarm.has["y"].discard(piece)
    swarm.ask("y")
    assert rank(swarm, "x") == 1


def test_one_that_passes_on_nothing_is_a_suspect_until_it_does() -> None:
    swarm = Swarm("xyz")
    pieces = swarm.give("x", MAX_UNSPREAD)
    assert not swarm.source.is_suspect("x")
    pieces += swarm.give("x")
    assert swarm.source.is_suspect("x")
    swarm.ask("x", *swarm.give("y", 20))
    assert not swarm.source.is_suspect("y")
    swarm.ask("y", *pieces[:1])
    assert not swarm.source.is_suspect("x")


def test_one_that_passes_on_some_may_have_the_more_for_itself() -> None:
    """Its uplink is slow, or the others take their time."""
    swarm = Swarm("xy")
    pieces = swarm.give("x", 2 * MAX_UNSPREAD)
    swarm.ask("y", *pieces[: MAX_UNSPREAD // 2])
    assert not swarm.source.is_suspect("x")


def test_a_downloader_alone_is_never_a_suspect() -> None:
    swarm = Swarm("x")
    swarm.give("x", 50)
    assert (rank(swarm, "x"), swarm.source.is_suspect("x")) == (0, False)
    swarm.source.next("newcomer", [(A, (), 100)])
    assert rank(swarm, "x") == 0, "what it was given before others came says nothing"


def test_the_last_downloader_is_no_suspect() -> None:
    swarm = Swarm("xyz")
    swarm.give("x", 20)
    swarm.source.remove("y")
    assert swarm.source.is_suspect("x")
    swarm.source.remove("z")
    assert (rank(swarm, "x"), swarm.source.is_suspect("x")) == (0, False)


def test_what_one_that_leaves_had_alone_is_given_again() -> None:
    swarm = Swarm("xyz")
    kept, lost = swarm.give("x", 2)
    swarm.ask("y", kept)
    swarm.source.remove("x")
    assert swarm.give("z", 2) == [lost, lost + 1]
    swarm.has["y"].discard(kept)
    swarm.ask("y")
    assert swarm.give("z") == [kept], "what it had passed on was wrong"


def test_a_piece_that_did_not_arrive_is_not_counted() -> None:
    swarm = Swarm("xy")
    (piece,) = swarm.give("x")
    swarm.source.take_back(A, piece)
    assert rank(swarm, "x") == 0
    swarm.ask("y", piece)
    swarm.source.take_back(A, piece)
    assert rank(swarm, "x") == 0


def test_wants_with_as_many_ranges_as_may_be_tell_nothing_of_what_lies_beyond() -> None:
    swarm = Swarm("xy", 1000)
    pieces = swarm.give("x", 300)
    few = tuple((2 * number, 2 * number) for number in range(MAX_RANGES))
    swarm.source.hear("y", [(A, few)])
    assert rank(swarm, "x") == len(pieces) - MAX_RANGES + 1


def test_those_who_were_never_given_the_file_are_not_heard() -> None:
    swarm = Swarm("xy")
    swarm.give("x", 3)
    swarm.source.hear("stranger", [(A, ((50, 60),)), (B, ((0, 1),))])
    assert rank(swarm, "x") == 3


@given(
    st.lists(
        st.tuples(st.sampled_from(["give", "ask", "back", "leave"]), st.sampled_from("xyz"), st.sets(st.integers(0, 9)))
    )
)
def test_the_pieces_with_one_alone_are_counted_right(steps) -> None:
    """Against a slow count, for downloaders that may say anything."""
    source, count = SuperSeeding(), 10
    for what, name, pieces in steps:
        if what == "give":
            source.next(name, [(A, to_ranges(bits(pieces)), count)])
        elif what == "ask":
            source.hear(name, [(A, to_ranges(bits(pieces)))])
        elif what == "back":
            source.take_back(A, min(pieces, default=0))
        else:
            source.remove(name)
        file = source._files.get(A)
        owners = {} if file is None else file.owners
        for other in "xyz":
            unspread = [piece for piece, owner in owners.items() if owner == other and file.unspread >> piece & 1]
            assert source.unspread.get(other, 0) == len(unspread)
            assert source.unspread.get(other) != 0
        if file is not None:
            assert file.unspread & ~file.given == 0
            assert file.unspread & ~bits(owners) == 0
