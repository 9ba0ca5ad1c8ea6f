"""Which piece is requested of which source: each rule by itself."""

from __future__ import annotations

from random import Random

import pytest

from p2p_twisted.swarm.picker import ENDGAME_DELAY, MAX_RANGES, MAX_REQUEST_WANTS, SMALL_ENDGAME_DELAY, Picker
from p2p_twisted.swarm.picker_state import NextRequest, PieceRequest
from p2p_twisted.swarm.super_seeding import MIN_FOLLOWED
from p2p_twisted.wire.ranges import bits, first_bits, from_ranges, members

A, B = "a" * 64, "b" * 64
SEED, OTHER_SEED = ("10.0.0.1", 1), ("10.0.0.2", 1)
ANN, BOB, CAT, DAN = (("10.0.1.1", port) for port in (1, 2, 3, 4))


def a_picker(count=8, missing=None, seed=1):
    """A picker that wants `missing` (default: all) of the `count` pieces of A."""
    picker = Picker(Random(seed))
    picker.state.want(A, count, first_bits(count) if missing is None else bits(missing))
    return picker


def pieces_of(picker, source, now=0.0):
    """The pieces asked of `source` one by one until there are no more."""
    pieces = []
    while request := picker.next_request(source, now):
        assert isinstance(request, PieceRequest)
        pieces.append(request.piece)
    return pieces


def wanted_by(request, count):
    """The pieces named in a NextRequest, by file."""
    assert isinstance(request, NextRequest)
    return {sha256: set(members(from_ranges(ranges, count))) for sha256, ranges in request.wants}


# who is asked nothing


def test_a_stranger_is_asked_nothing() -> None:
    assert a_picker().next_request(ANN, 0) is None


def test_nothing_is_requested_of_a_file_that_is_not_wanted_yet() -> None:
    picker = Picker(Random(1))
    picker.state.add_seed(SEED, A)
    picker.state.add_pieces(ANN, A, bits([0, 1]))
    assert picker.next_request(SEED, 0) is None
    assert picker.next_request(ANN, 0) is None
    picker.state.want(A, 3, bits(range(3)))
    assert wanted_by(picker.next_request(SEED, 0), 3) == {A: {2}}, "what Ann has, the seed has given out"
    assert sorted(pieces_of(picker, ANN)) == [0, 1]


def test_only_what_is_missing_is_asked() -> None:
    picker = a_picker(8, {2, 5})
    picker.state.add_complete(ANN, A)
    assert sorted(pieces_of(picker, ANN)) == [2, 5]


def test_only_pieces_that_a_source_has_are_requested_from_it() -> None:
    picker = a_picker()
    picker.state.add_pieces(ANN, A, bits([1, 3]))
    assert sorted(pieces_of(picker, ANN)) == [1, 3]
    picker.state.add_pieces(ANN, A, bits([1, 4]))
    assert pieces_of(picker, ANN) == [4]
    picker.state.add_complete(ANN, A)
    assert sorted(pieces_of(picker, ANN)) == [0, 2, 5, 6, 7]


def test_done_when_nothing_is_missing() -> None:
    picker = a_picker(2)
    assert not picker.done()
    picker.verified(A, 0)
    assert not picker.done()
    picker.verified(A, 1)
    assert picker.done()


# seeds


def test_a_seed_is_asked_for_the_next_of_all_that_is_free() -> None:
    picker = a_picker(8, {0, 1, 2, 6})
    picker.state.add_seed(SEED, A)
    picker.state.add_pieces(ANN, A, bits([1]))
    picker.next_request(ANN, 0)
    assert picker.next_request(SEED, 0) == NextRequest(((A, ((0, 0), (2, 2), (6, 6))),))


def test_the_next_piece_may_be_asked_for_many_times() -> None:
    picker = a_picker()
    picker.state.add_seed(SEED, A)
    assert [type(picker.next_request(SEED, 0)) for _ in range(20)] == [NextRequest] * 20


def test_a_piece_that_a_seed_has_begun_to_send_is_not_requested_again() -> None:
    picker = a_picker(3)
    picker.state.add_seed(SEED, A)
    assert picker.started(SEED, A, 1, 0) == []
    assert wanted_by(picker.next_request(SEED, 0), 3) == {A: {0, 2}}


def test_a_seed_that_has_given_all_out_is_a_source_as_others_are() -> None:
    picker = a_picker(3)
    picker.state.add_seed(SEED, A)
    picker.refused(SEED, picker.next_request(SEED, 0))
    assert sorted(pieces_of(picker, SEED)) == [0, 1, 2]


def test_others_are_asked_for_pieces_while_the_seed_gives() -> None:
    picker = a_picker(3)
    picker.state.add_seed(SEED, A)
    picker.state.add_complete(ANN, A)
    picker.next_request(SEED, 0)
    assert sorted(pieces_of(picker, ANN)) == [0, 1, 2]


@pytest.mark.parametrize("count", [2, 7, 100])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_shares_of_several_seeds_are_apart_and_cover_all(count, seeds) -> None:
    picker = a_picker(count)
    addresses = [("10.0.0.1", port) for port in range(seeds)]
    for address in addresses:
        picker.state.add_seed(address, A)
    shares = []
    for address in addresses:
        request = picker.next_request(address, 0)
        if isinstance(request, NextRequest):  # else there are more seeds than pieces
            shares += wanted_by(request, count)[A]
        else:
            picker.release(address, A, request.piece)
    assert sorted(shares) == list(range(count))


def test_every_downloader_gives_the_same_share_to_the_same_seed() -> None:
    shares = []
    for order in ([SEED, OTHER_SEED], [OTHER_SEED, SEED]):
        picker = a_picker(10, seed=len(shares))
        for seed in order:
            picker.state.add_seed(seed, A)
        shares.append(wanted_by(picker.next_request(SEED, 0), 10)[A])
    assert shares[0] == shares[1]
    assert 0 < len(shares[0]) < 10


def test_files_of_one_piece_are_shared_among_seeds() -> None:
    picker = Picker(Random(1))
    names = [f"{number:02x}" * 32 for number in range(12)]
    for name in names:
        picker.state.want(name, 1, bits([0]))
        picker.state.add_seed(SEED, name)
        picker.state.add_seed(OTHER_SEED, name)
    asked = [sha256 for seed in (SEED, OTHER_SEED) for sha256, _ in picker.next_request(seed, 0).wants]
    assert sorted(asked) == names


def test_the_share_of_a_seed_that_is_gone_falls_to_the_others() -> None:
    picker = a_picker(10)
    picker.state.add_seed(SEED, A)
    picker.state.add_seed(OTHER_SEED, A)
    picker.remove_source(SEED)
    assert wanted_by(picker.next_request(OTHER_SEED, 0), 10) == {A: set(range(10))}
    assert picker.next_request(SEED, 0) is None


def test_the_share_of_a_seed_that_cannot_be_reached_falls_to_the_others() -> None:
    """It may come back: then it is asked for pieces by their number, as others are."""
    picker = a_picker(10)
    picker.state.add_seed(SEED, A)
    picker.state.add_seed(OTHER_SEED, A)
    picker.state.unreachable(SEED)
    assert wanted_by(picker.next_request(OTHER_SEED, 0), 10) == {A: set(range(10))}
    assert sorted(pieces_of(picker, SEED)) == list(range(10))


def test_an_unreachable_only_seed_stays_the_only_seed() -> None:
    picker = a_picker(10)
    picker.state.add_seed(SEED, A)
    picker.state.unreachable(SEED)
    picker.state.unreachable(OTHER_SEED)
    assert wanted_by(picker.next_request(SEED, 0), 10) == {A: set(range(10))}


def test_small_files_are_named_together_and_a_big_one_alone() -> None:
    picker = Picker(Random(1))
    names = [f"{number:064x}" for number in range(3 * MAX_REQUEST_WANTS)]
    for name in names:
        picker.state.want(name, 1, bits([0]))
        picker.state.add_seed(SEED, name)
    request = picker.next_request(SEED, 0)
    assert len({sha256 for sha256, _ in request.wants}) == len(request.wants) == MAX_REQUEST_WANTS
    picker = a_picker(4)
    picker.state.add_seed(SEED, A)
    assert len(picker.next_request(SEED, 0).wants) == 1


def test_a_request_names_no_more_ranges_than_fit_a_line() -> None:
    picker = a_picker(1000, range(0, 1000, 2))
    picker.state.add_seed(SEED, A)
    [(_, ranges)] = picker.next_request(SEED, 0).wants
    assert len(ranges) == MAX_RANGES


def test_small_files_of_several_pieces_are_named_together_too() -> None:
    picker = Picker(Random(1))
    names = [f"{number:064x}" for number in range(MAX_REQUEST_WANTS)]
    for name in names:
        picker.state.want(name, 3, bits(range(3)))
        picker.state.add_seed(SEED, name)
    request = picker.next_request(SEED, 0)
    assert [sha256 for sha256, _ in request.wants] == names[: MAX_REQUEST_WANTS // 3 + 1]
    assert all(ranges == ((0, 2),) for _, ranges in request.wants)


def test_what_other_downloaders_have_of_a_small_file_is_not_asked_of_a_seed_as_the_next() -> None:
    for count, expected in ((MIN_FOLLOWED - 1, range(2, MIN_FOLLOWED - 1)), (MIN_FOLLOWED, range(MIN_FOLLOWED))):
        picker = a_picker(count)
        picker.state.add_seed(SEED, A)
        picker.state.add_pieces(ANN, A, bits([0, 1]))
        assert wanted_by(picker.next_request(SEED, 0), count) == {A: set(expected)}
    picker = a_picker(2)
    picker.state.add_seed(SEED, A)
    picker.state.add_pieces(ANN, A, bits([0, 1]))
    assert isinstance(picker.next_request(SEED, 0), PieceRequest), "it is a source as others are"


# rarest first


def test_the_rarest_is_first() -> None:
    picker = a_picker(4)
    for source, pieces in ((ANN, [0, 1, 2, 3]), (BOB, [0, 1, 2]), (CAT, [0, 1]), (DAN, [0])):
        picker.state.add_pieces(source, A, bits(pieces))
    assert pieces_of(picker, ANN) == [3, 2, 1, 0]


def test_sources_with_all_of_it_count_for_every_piece() -> None:
    picker = a_picker(3)
    picker.state.add_complete(ANN, A)
    picker.state.add_complete(BOB, A)
    picker.state.add_pieces(CAT, A, bits([0, 2]))
    picker.state.add_pieces(CAT, A, bits([2]))
    picker.state.add_pieces(DAN, A, bits([2]))
    assert pieces_of(picker, ANN) == [1, 0, 2]


def test_a_piece_of_a_source_that_is_gone_is_rarer() -> None:
    picker = a_picker(2)
    picker.state.add_complete(ANN, A)
    for source in (BOB, CAT):
        picker.state.add_pieces(source, A, bits([0]))
    picker.state.add_pieces(DAN, A, bits([1]))
    picker.remove_source(BOB)
    picker.remove_source(CAT)
    assert pieces_of(picker, ANN) == [0, 1]


def test_a_repeated_announcement_counts_once() -> None:
    picker = a_picker(2)
    picker.state.add_complete(ANN, A)
    for _ in range(3):
        picker.state.add_pieces(BOB, A, bits([0]))
    for source in (BOB, CAT):
        picker.state.add_pieces(source, A, bits([1]))
    assert pieces_of(picker, ANN) == [0, 1]


def test_a_source_that_completes_the_file_counts_once() -> None:
    picker = a_picker(2)
    picker.state.add_complete(ANN, A)
    picker.state.add_pieces(BOB, A, bits([0]))
    picker.state.add_complete(BOB, A)
    picker.state.add_pieces(BOB, A, bits([0, 1]))  # an old word that comes late
    picker.state.add_pieces(CAT, A, bits([1]))
    assert pieces_of(picker, ANN) == [0, 1]


def test_the_rarest_is_looked_for_among_all_files() -> None:
    picker = a_picker(1)
    picker.state.want(B, 2, bits([0, 1]))
    picker.state.add_complete(ANN, A)
    picker.state.add_complete(ANN, B)
    picker.state.add_pieces(BOB, A, bits([0]))
    picker.state.add_pieces(BOB, B, bits([0]))
    assert picker.next_request(ANN, 0) == PieceRequest(B, 1)


def test_ties_are_broken_by_chance() -> None:
    firsts = {pieces_of(picker, ANN)[0] for picker in map(full_of_ann, range(20))}
    assert len(firsts) > 5


def test_of_small_files_that_are_equally_rare_the_largest_is_first() -> None:
    for seed in range(10):
        picker = Picker(Random(seed))
        picker.all_small = True
        for number, size in enumerate((20, 50, 10, 50)):
            picker.state.want(f"{number:064x}", 1, 1, size)
            picker.state.add_pieces(ANN, f"{number:064x}", 1)
        picker.state.add_pieces(BOB, f"{1:064x}", 1)
        order = [int(picker.next_piece(ANN, 0).sha256, 16) for _ in range(4)]
        assert order == [3, 0, 2, 1], "first the rarest"


def test_in_the_endgame_small_files_are_requested_twice_sooner() -> None:
    picker = a_picker(1)
    picker.all_small = True
    for peer in (ANN, BOB):
        picker.state.add_pieces(peer, A, 1)
    assert picker.next_request(ANN, 0) is not None
    assert picker.next_request(BOB, SMALL_ENDGAME_DELAY) is None
    assert picker.next_request(BOB, SMALL_ENDGAME_DELAY + 0.01) is not None


def test_the_same_chance_gives_the_same_choice() -> None:
    assert pieces_of(full_of_ann(7), ANN) == pieces_of(full_of_ann(7), ANN)


def full_of_ann(seed):
    picker = a_picker(30, seed=seed)
    picker.state.add_complete(ANN, A)
    return picker


# what is outstanding


def test_a_piece_is_requested_from_one_source_only() -> None:
    picker = a_picker(6)
    picker.state.add_complete(ANN, A)
    picker.state.add_complete(BOB, A)
    asked = [picker.next_request(source, 0).piece for source in (ANN, BOB, ANN, BOB, ANN, BOB)]
    assert sorted(asked) == list(range(6))
    assert picker.next_request(ANN, 0) is None


def test_a_lost_piece_is_asked_for_again_at_once() -> None:
    picker = a_picker(1)
    picker.state.add_complete(ANN, A)
    picker.state.add_complete(BOB, A)
    picker.next_request(ANN, 0)
    assert picker.next_request(BOB, 0) is None
    picker.release(ANN, A, 0)
    assert picker.next_request(BOB, 0) == PieceRequest(A, 0)


def test_a_piece_is_not_requested_again_from_the_source_of_a_hash_failure() -> None:
    picker = a_picker(2)
    picker.state.add_complete(ANN, A)
    picker.state.add_complete(BOB, A)
    pieces_of(picker, ANN)
    picker.hash_failed(ANN, A, 0)
    assert pieces_of(picker, ANN, 100) == []
    assert pieces_of(picker, BOB) == [0]


def test_a_piece_that_a_source_lacks_is_requested_from_another() -> None:
    picker = a_picker(1)
    picker.state.add_pieces(ANN, A, bits([0]))
    picker.state.add_pieces(BOB, A, bits([0]))
    picker.refused(ANN, picker.next_request(ANN, 0))
    assert picker.next_request(ANN, 100) is None
    assert picker.next_request(BOB, 0) == PieceRequest(A, 0)


def test_outstanding_pieces_of_a_removed_source_are_requested_from_others() -> None:
    picker = a_picker(4)
    picker.state.add_complete(ANN, A)
    picker.state.add_complete(BOB, A)
    pieces_of(picker, ANN)
    picker.remove_source(ANN)
    assert sorted(pieces_of(picker, BOB)) == [0, 1, 2, 3]
    assert picker.next_request(ANN, 0) is None


def test_present_pieces_are_not_requested() -> None:
    picker = a_picker(3)
    picker.state.add_complete(ANN, A)
    picker.verified(A, 1)
    picker.verified(A, 1)
    assert sorted(pieces_of(picker, ANN)) == [0, 2]


def test_a_file_that_is_no_longer_wanted_is_forgotten() -> None:
    picker = a_picker(3)
    for sha256 in (A, B):
        picker.state.add_seed(SEED, sha256)
        picker.state.add_complete(ANN, sha256)
    picker.next_request(ANN, 0)
    picker.state.want(B, 2, bits([0, 1]))
    picker.state.unwant(A)
    assert wanted_by(picker.next_request(SEED, 0), 2) == {B: {0, 1}}
    asked = [picker.next_request(ANN, 0) for _ in range(3)]
    assert {request.sha256 for request in asked if request} == {B}
    assert picker.started(ANN, A, 0, 0) == []
    picker.release(ANN, A, 0)
    picker.remove_source(ANN)


def test_a_source_that_has_nothing_of_a_file_after_all() -> None:
    picker = a_picker(2)
    picker.state.want(B, 1, bits([0]))
    picker.state.add_seed(SEED, A)
    picker.state.add_complete(SEED, B)
    assert picker.state.has(SEED, A)
    picker.state.forget(SEED, A)
    assert not picker.state.has(SEED, A)
    assert picker.next_request(SEED, 0) == PieceRequest(B, 0)
    assert picker.next_request(SEED, 0) is None
    picker.state.add_pieces(SEED, A, bits([1]))
    assert picker.state.has(SEED, A)
    assert pieces_of(picker, SEED) == [1]


# the end


def endgame_picker():
    picker = a_picker(2)
    for source in (ANN, BOB, CAT):
        picker.state.add_complete(source, A)
    picker.next_request(ANN, 0.0)
    return picker


def test_while_something_is_free_nothing_is_asked_twice() -> None:
    picker = a_picker(2)
    picker.state.add_pieces(ANN, A, bits([0]))
    picker.state.add_pieces(BOB, A, bits([0]))
    picker.next_request(ANN, 0.0)
    assert picker.next_request(BOB, 100.0) is None


def test_in_the_endgame_a_piece_is_requested_from_a_second_source() -> None:
    picker = endgame_picker()
    picker.next_request(ANN, 0.0)
    assert picker.next_request(BOB, ENDGAME_DELAY) is None
    assert picker.next_request(ANN, ENDGAME_DELAY + 0.1) is None, "never twice of the same one"
    assert sorted(pieces_of(picker, BOB, ENDGAME_DELAY + 0.1)) == [0, 1]


def test_a_piece_is_outstanding_at_two_sources_at_most() -> None:
    picker = endgame_picker()
    picker.next_request(ANN, 0.0)
    assert len(pieces_of(picker, BOB, 10.0)) == 2
    assert picker.next_request(CAT, 1000.0) is None


def test_other_sources_of_an_arriving_piece_are_named() -> None:
    picker = endgame_picker()
    picker.next_request(ANN, 0.0)
    pieces_of(picker, BOB, 10.0)
    assert picker.started(BOB, A, 0, 11.0) == [ANN]
    assert picker.started(ANN, A, 1, 11.0) == [BOB]


def test_a_piece_that_arrives_counts_as_asked_from_then() -> None:
    picker = a_picker(1)
    picker.state.add_seed(SEED, A)
    picker.state.add_complete(ANN, A)
    picker.next_request(SEED, 0.0)
    picker.started(SEED, A, 0, 5.0)
    assert picker.next_request(ANN, 5.0 + ENDGAME_DELAY) is None
    assert picker.next_request(ANN, 5.1 + ENDGAME_DELAY) == PieceRequest(A, 0)


def test_a_duplicate_piece_cancels_no_request() -> None:
    picker = endgame_picker()
    picker.verified(A, 0)
    picker.verified(A, 1)
    assert picker.started(BOB, A, 0, 1.0) == []


def test_a_seed_is_asked_for_the_first_of_many_files_first() -> None:
    picker = Picker(Random(1))
    names = [f"{number:064x}" for number in range(4 * MAX_REQUEST_WANTS)]
    for sha256 in names:
        picker.state.want(sha256, 1, 1)
        picker.state.add_seed(SEED, sha256)
    for _ in range(2):
        assert list(wanted_by(picker.next_request(SEED, 0), 1)) == names[:MAX_REQUEST_WANTS]
    picker.verified(names[0], 0)
    assert list(wanted_by(picker.next_request(SEED, 0), 1)) == names[1 : MAX_REQUEST_WANTS + 1]
