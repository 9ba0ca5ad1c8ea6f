"""Tests for benchmarks.simulation.discovery: the rules of a large swarm, with a hundred peers."""

from __future__ import annotations

import random

from benchmarks.simulation.discovery import World, newcomer, standing
from p2p_twisted.peer.peers.neighbours import CHOSEN, GREETERS


def test_a_hundred_peers_learn_of_each_document_in_time_and_at_little_cost() -> None:
    random.seed(1)
    world = World(100)
    world.run(90, 0.2)
    for name, born in world.born.items():
        if born < 30:
            assert len(world.learnt[name]) == 99 and max(world.learnt[name]) - born < 60
    for peer in world.peers.values():
        assert 0 < len(peer.followed) <= CHOSEN + GREETERS
        assert 0 < peer.received / 90 + standing(peer)[0] < 2_000
    assert newcomer(world) > 0.9
