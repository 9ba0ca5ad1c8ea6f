"""Part state files: any content of NAME.part.state that an earlier run, or anybody, left, to `State.read`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.harness import bounded
from p2p_twisted.library.pieces import DIGEST, MIN_PIECE
from p2p_twisted.swarm.part_state import HEAD_MOST, PIECE_MOST, State
from p2p_twisted.swarm.target import STATE, Target

COUNT = 64
"""Pieces of the file."""

FOLDER = TemporaryDirectory(prefix="fuzz-")
"""Where the file lies: one folder for all inputs, as making and removing it takes longer than all the rest."""

TARGET = Target(Path(FOLDER.name), "document.bin")

MAX_STATE = HEAD_MOST + COUNT * PIECE_MOST
"""Bytes of a state that are read."""


def _read() -> tuple[State, set[int]]:
    """Read the state as a new run does, with whichever piece hashes it has."""
    state = State(TARGET, "0" * 64, COUNT * MIN_PIECE, COUNT)
    return state, state.read(lambda digests: True)


@bounded
def one(data: bytes) -> None:
    """Read `data`: it names pieces of the file, and a piece that is added to it is there in the next run."""
    path = TARGET.beside(STATE)
    path.unlink(missing_ok=True)  # a file that is truncated is written to the disk at once by some file systems
    path.write_bytes(data)
    state, pieces = _read()
    assert pieces <= set(range(COUNT))
    state.add(0, bytes(DIGEST * COUNT), pieces | {0})
    if path.stat().st_size <= MAX_STATE:
        assert _read()[1] == pieces | {0}
