"""What the indexes of peers are read with, for tests."""

from __future__ import annotations

from typing import Any

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.net.lines import Slicer
from p2p_twisted.peer.peers.changes_sink import Intake, OnChanges
from p2p_twisted.peer.peers.retelling import Retelling
from p2p_twisted.peer.peers.unfinished import Room


def make_intake(clock: Any, index: DistributedIndex | None = None, on_changes: OnChanges = lambda *_: None) -> Intake:
    """Return an Intake on `clock`, which also gives the time."""
    index = DistributedIndex() if index is None else index
    return Intake(clock, clock.seconds, index, on_changes, Slicer(clock), Room(), Retelling(index, clock.seconds, set))
