"""Pieces that stay in memory for the hash of the whole file: at most so many bytes of them."""

from __future__ import annotations

import pytest

from p2p_twisted.swarm import recent_pieces
from p2p_twisted.swarm.recent_pieces import RecentPieces


def test_a_piece_is_taken_once() -> None:
    recent = RecentPieces()
    recent.add("a", 1, [b"one", b"two"])
    recent.add("b", 1, [b"other"])
    assert recent.take("a", 1) == [b"one", b"two"]
    assert (recent.take("a", 1), recent.take("a", 2), recent.take("b", 1)) == ((), (), [b"other"])


def test_the_oldest_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_pieces, "MAX_BYTES", 10)
    recent = RecentPieces()
    for piece in range(4):
        recent.add("a", piece, [b"four"])
    assert [bool(recent.take("a", piece)) for piece in range(4)] == [False, False, True, True]
    recent.add("a", 4, [bytes(11)])
    assert not recent.take("a", 4)
    recent.add("a", 5, [bytes(10)])
    assert recent.take("a", 5) == [bytes(10)]


def test_a_piece_that_comes_again_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_pieces, "MAX_BYTES", 10)
    recent = RecentPieces()
    for _ in range(9):
        recent.add("a", 0, [b"four"])
    recent.add("a", 1, [b"four"])
    assert (recent.take("a", 0), recent.take("a", 1)) == ([b"four"], [b"four"])
