"""A download that is followed: by its events, and whatever happens to the peer meanwhile. Time is virtual."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from p2p_twisted.cli import exits
from p2p_twisted.cli.follow import LONG_INTERVAL, MAX_INTERVAL, POLL_INTERVAL, SUSPENDED_TIME, Download, Follower
from p2p_twisted.web.control_client import ControlClient, ControlError, PeerEvent

ENDED = PeerEvent("download-ended", {})
PROGRESS = PeerEvent("file-progress", {})
LOST = ControlError("lost", "the connection was closed")
SLOW = ControlError("timeout", "no answer for 30 seconds")


class Peer:
    """A peer and its clock: `reads` are the answers to reads of the download, `streams` the event streams.

    An answer is the seconds that it takes and a download or an error; a stream is, for each wait, the seconds that it
    takes and its event, or an error.
    """

    def __init__(
        self, reads: list[tuple[float, object]], streams: list[list[tuple[float, object]] | ControlError]
    ) -> None:
        self.now = 0.0
        self.reads = reads
        self.streams = streams
        self.asked_at: list[float] = []
        self.cancelled = False

    def get(self, path: str) -> Any:
        self.asked_at.append(self.now)
        return self.happen(*self.reads.pop(0))

    def delete(self, path: str) -> Any:
        self.cancelled = True
        return {"ended": 1.0}

    def events(self, download: str, types: str) -> Stream:
        stream = self.streams.pop(0)
        if isinstance(stream, ControlError):
            raise stream
        return Stream(self, stream)

    def happen(self, seconds: float, outcome: object) -> Any:
        self.now += seconds
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Stream:
    def __init__(self, peer: Peer, waits: list[tuple[float, object]]) -> None:
        self.peer, self.waits = peer, waits

    def wait(self, timeout: float) -> Any:
        if not self.waits or self.waits[0][0] > timeout:
            return self.peer.happen(timeout, None)
        return self.peer.happen(*self.waits.pop(0))

    def close(self) -> None:
        pass


RUNNING, OVER = {"ended": None}, {"ended": 1.0}


def follow(monkeypatch: pytest.MonkeyPatch, peer: Peer, shown: bool = False, deadline: float | None = None) -> Download:
    monkeypatch.setattr(time, "monotonic", lambda: peer.now)
    monkeypatch.setattr(time, "sleep", peer.sleep)
    return Follower(cast(ControlClient, peer), "1", shown).follow(lambda download: None, deadline)


def test_the_end_arrives_as_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(0, RUNNING), (0, OVER)], [[(1, PROGRESS), (2, ENDED)]])
    assert follow(monkeypatch, peer) is OVER
    assert peer.asked_at == [0, 3]


def test_a_download_that_is_shown_is_read_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(0, RUNNING)] * 4 + [(0, OVER)], [[(0.2, PROGRESS)] * 100])
    assert follow(monkeypatch, peer, shown=True) is OVER
    assert peer.asked_at == pytest.approx([0, 1, 2, 3, 4], abs=0.3)


def test_a_late_answer_does_not_delay_the_next_poll_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(16, RUNNING), (0.001, RUNNING), (0, OVER)], [[]])
    assert follow(monkeypatch, peer, shown=True) is OVER
    assert peer.asked_at[1] - 16 <= MAX_INTERVAL


def test_events_that_were_lost_are_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(0, RUNNING), (0, OVER)], [[(1, PeerEvent("reset", {}))]])
    assert follow(monkeypatch, peer) is OVER
    assert peer.asked_at == [0, 1]


def test_a_stream_that_is_cut_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(0, RUNNING), (0, RUNNING), (0, OVER)], [[(1, LOST)], [(1, ENDED)]])
    assert follow(monkeypatch, peer) is OVER
    assert peer.streams == []


def test_a_peer_without_events_is_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(0, RUNNING)] * 3 + [(0, OVER)], [ControlError("refused", "50 readers", 503)])
    assert follow(monkeypatch, peer) is OVER
    assert peer.asked_at == [0, POLL_INTERVAL, 2 * POLL_INTERVAL, 3 * POLL_INTERVAL]


def test_a_peer_that_was_suspended_for_70_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(0, RUNNING), (30, SLOW), (10, RUNNING), (0, OVER)], [[(LONG_INTERVAL + 71, ENDED)]])
    assert follow(monkeypatch, peer) is OVER


def test_a_peer_that_never_answers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(0, RUNNING)] + [(30, SLOW)] * 100, [[]])
    with pytest.raises(ControlError, match="no answer"):
        follow(monkeypatch, peer)
    assert SUSPENDED_TIME < peer.now < 2 * SUSPENDED_TIME


def test_the_peer_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ControlError("not-running", "no process is listening there")
    with pytest.raises(exits.Failure, match="the peer stopped; start it again") as caught:
        follow(monkeypatch, Peer([(0, RUNNING), (0, gone)], [[(1, LOST)], gone]))
    assert caught.value.code == exits.INTERRUPTED


def test_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(0, RUNNING)] * 2, [[]])
    with pytest.raises(exits.Failure, match="not complete in time") as caught:
        follow(monkeypatch, peer, deadline=3)
    assert (caught.value.code, peer.now, peer.cancelled) == (exits.TIMEOUT, 3, True)


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer([(0, RUNNING)], [[(1, KeyboardInterrupt())]])
    with pytest.raises(exits.Failure, match="interrupted") as caught:
        follow(monkeypatch, peer)
    assert (caught.value.code, peer.cancelled) == (exits.INTERRUPTED, True)
