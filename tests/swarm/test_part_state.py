"""NAME.part.state, where reading it alone matters; what a download makes of it is in test_storage.py."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from p2p_twisted.swarm import part_state
from p2p_twisted.swarm.part_state import MAGIC, State
from p2p_twisted.swarm.target import STATE, Target


def test_a_number_with_thousands_of_digits_is_no_piece(tmp_path: Path) -> None:
    """int() raises a ValueError for it."""
    target = Target(tmp_path, "document.bin")
    target.beside(STATE).write_text(f"{MAGIC} {'0' * 64} 4194304\n00\n1\n{'9' * 5000}\n2\n")
    assert State(target, "0" * 64, 4194304, 64).read(lambda digests: True) == {1, 2}


def test_it_is_written_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first piece at once, the others together after a while, or when they are to be."""
    now, target, digests, have = [100.0], Target(tmp_path, "document.bin"), bytes(32 * 64), set[int]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    state = State(target, "0" * 64, 4194304, 64)

    def add(piece: int) -> None:
        have.add(piece)
        state.add(piece, digests, have)

    def written() -> list[str]:
        return target.beside(STATE).read_text().splitlines()[2:]

    add(5)
    assert written() == ["5"]
    add(3)
    add(4)
    assert written() == ["5"]
    now[0] += part_state.WRITE_INTERVAL
    add(9)
    assert written() == ["5", "3", "4", "9"]
    add(1)
    state.write(digests, have)
    state.write(digests, have)
    assert written() == ["5", "3", "4", "9", "1"]
