"""Looks at a download that is on its way."""

from __future__ import annotations

import time
from typing import Any

import pytest

from p2p_twisted.cli.order import LONGEST_POLL, Order


class SuspendedPeer:
    """Answers after 16 seconds the first time, then at once; the third time the download is over."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.asked = 0

    def get(self, path: str) -> dict[str, Any]:
        self.asked += 1
        self.now += 16 if self.asked == 1 else 0.001
        return {"ended": 1.0 if self.asked == 3 else None}

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_an_answer_that_was_late_does_not_put_off_the_next_look_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = SuspendedPeer()
    monkeypatch.setattr(time, "monotonic", lambda: peer.now)
    monkeypatch.setattr(time, "sleep", peer.sleep)
    assert Order(peer, "1").follow(lambda download: None, None)["ended"]  # type: ignore[arg-type]
    assert max(peer.slept) <= LONGEST_POLL
