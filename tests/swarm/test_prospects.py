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

SHA256, SEED = "a" * 64, ("10.0.0.1", 1)


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
