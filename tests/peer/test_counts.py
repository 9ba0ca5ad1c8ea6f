"""What a peer counts of its events."""

from __future__ import annotations

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import FileEnded, FileProgress, HashFailed, PieceVerified, SourceBanned
from p2p_twisted.peer.counts import PeerCounts

SOURCE = ("192.0.2.1", 65400)


def test_events_are_counted_by_kind() -> None:
    events = Publisher()
    counts = PeerCounts(events)
    for piece in range(3):
        events.publish(PieceVerified("ab", piece, 100, SOURCE, False))
    events.publish(HashFailed("ab", 3, SOURCE))
    events.publish(SourceBanned(SOURCE, "3 hash failures"))
    assert counts.events == {PieceVerified: 3, HashFailed: 1, SourceBanned: 1}


def test_bytes_and_ends_of_files() -> None:
    events = Publisher()
    counts = PeerCounts(events)
    for size in (100, 20):
        events.publish(FileProgress("d", "a.txt", size, SOURCE))
    for name, state in (("a.txt", "done"), ("b.txt", "failed"), ("c.txt", "done")):
        events.publish(FileEnded("d", name, state))
    assert (counts.fetched, counts.files) == (120, {"done": 2, "failed": 1})
