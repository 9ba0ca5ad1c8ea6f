"""What a source is asked for after it has refused something."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock

from p2p_twisted.net.errors import Refused
from p2p_twisted.swarm.picker import SMALL_ENDGAME_DELAY, Picker
from p2p_twisted.swarm.picker_state import PieceRequest
from p2p_twisted.swarm.prospects import Prospects
from p2p_twisted.swarm.sites import Sites
from p2p_twisted.wire.messages import GetTurn

SHA256, SEED = "a" * 64, ("10.0.0.1", 1)
ADDRESSES = [(f"10.0.0.{number}", 1) for number in (1, 2, 3)]


@pytest.mark.parametrize("all_small", [True, False])
def test_what_a_seed_has_given_to_others_is_asked_of_it_a_moment_later_if_it_is_small(all_small: bool) -> None:
    clock, picker = Clock(), Picker(Random(1))
    picker.all_small = all_small
    picker.state.want(SHA256, 1, 1, 10)
    picker.state.add_seed(SEED, SHA256)
    source: Any = SimpleNamespace(address=SEED)
    sources: Any = {}
    prospects = Prospects(clock, picker, sources)
    request = picker.next_request(SEED, clock.seconds())
    assert request is not None
    prospects.refused(source, request, Refused(Refused.NOT_FOUND, "given out"))
    again = picker.next_request(SEED, clock.seconds() + SMALL_ENDGAME_DELAY / 2)
    assert again == (None if all_small else PieceRequest(SHA256, 0))
    if all_small:
        assert picker.next_request(SEED, clock.seconds() + SMALL_ENDGAME_DELAY + 0.01) == PieceRequest(SHA256, 0)


class TestDue:
    """Those that are filled again when a second has passed in which nothing has come."""

    @pytest.fixture
    def picker(self) -> Picker:
        """Two pieces are missing, of which one is requested; the first source has all, the others a piece each."""
        picker = Picker(Random(1))
        picker.state.want(SHA256, 2, 0b11, 10)
        picker.state.add_complete(ADDRESSES[0], SHA256)
        for number, address in enumerate(ADDRESSES[1:]):
            picker.state.add_pieces(address, SHA256, 1 << number)
        picker.next_piece(ADDRESSES[1], 0.0)
        return picker

    def due(self, picker: Picker) -> list[int]:
        """The numbers of the sources that are due, of which the last two wait for a turn."""
        waits: list[list[GetTurn]] = [[], [GetTurn(news=True)], [GetTurn()]]
        connected = [SimpleNamespace(address=one, waits=wait) for one, wait in zip(ADDRESSES, waits, strict=True)]
        sources: Any = SimpleNamespace(connected=connected)
        return [ADDRESSES.index(source.address) for source in Prospects(Clock(), picker, sources).due()]

    def test_only_those_that_are_to_say_nothing(self, picker: Picker) -> None:
        assert self.due(picker) == [0]

    def test_also_those_that_have_put_something_off(self, picker: Picker) -> None:
        picker.state.postpone(ADDRESSES[2], SHA256, 5.0)
        assert self.due(picker) == [0, 2]

    def test_all_once_if_a_piece_may_be_requested_again(self, picker: Picker) -> None:
        picker.release(ADDRESSES[1], SHA256, 0)
        assert [self.due(picker), self.due(picker)] == [[0, 1, 2], [0]]

    def test_all_in_the_endgame(self, picker: Picker) -> None:
        picker.next_piece(ADDRESSES[2], 0.0)
        assert self.due(picker) == [0, 1, 2]

    def test_all_where_some_are_to_wait_for_others(self, picker: Picker) -> None:
        picker.sites = Sites(SEED, "here", lambda address: "here", is_named=True)
        assert self.due(picker) == [0, 1, 2]
