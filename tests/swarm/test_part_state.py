"""NAME.part.state, where reading it alone matters; what a download makes of it is in test_storage.py."""

from __future__ import annotations

from pathlib import Path

from p2p_twisted.swarm.part_state import MAGIC, State
from p2p_twisted.swarm.target import STATE, Target


def test_a_number_with_thousands_of_digits_is_no_piece(tmp_path: Path) -> None:
    """int() raises a ValueError for it."""
    target = Target(tmp_path, "document.bin")
    target.beside(STATE).write_text(f"{MAGIC} {'0' * 64} 4194304\n00\n1\n{'9' * 5000}\n2\n")
    assert State(target, "0" * 64, 4194304, 64).read(lambda digests: True) == {1, 2}
