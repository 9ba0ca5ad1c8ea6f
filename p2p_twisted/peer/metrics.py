"""The metrics of a peer. docs/operating.rst says what each means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, get_args

from .. import __version__
from ..events.types import (
    HashFailed,
    PieceVerified,
    RegistrationFailed,
    SourceBanned,
    SourceLost,
    SourceSnubbed,
)
from ..net.reactor_delay import ReactorDelay
from ..web.metrics import Buckets, Family
from ..wire.messages import Message
from .counts import PeerCounts
from .downloads.model import CANCELLED, DONE, FAILED, RUNNING, THERE
from .service import Peer

METHODS = tuple(kind.__name__ for kind in get_args(Message))
LIMITS = ("connections", "admission", "deadline", "readers")
STATUSES = (100, 300, 403)
"""Of refusals."""


class PeerMetrics:
    """Returns the metrics of `peer`, counted from now on."""

    def __init__(self, reactor: Any, peer: Peer) -> None:
        self._peer = peer
        self._started = time.monotonic()
        self._counts = PeerCounts(peer.events)
        self._reactor_delay = ReactorDelay(reactor)
        self._reactor_delay.setServiceParent(peer)

    def why_not_ready(self) -> str | None:
        """Return why others do not find this peer at the moment; None if they do."""
        return None if self._peer.registration.registered else "this peer is not registered with the RS"

    async def families(self) -> list[Family]:
        """Return the metrics for ``GET /metrics``."""
        return [
            Family("gauge", "p2p_peer_info", "Always 1; the label has the version.", [({"version": __version__}, 1)]),
            *self._network(),
            *self._library(),
            *self._serving(),
            *self._fetching(),
            Family(
                "histogram",
                "p2p_peer_reactor_delay_seconds",
                "How much too late a timer was called, twice a second.",
                [({}, Buckets.of(self._reactor_delay.durations.numbers("delays"), "delays"))],
            ),
        ]

    def _network(self) -> list[Family]:
        peer = self._peer
        known = sum(not other.is_self for other in peer.discovery.peers.values())
        return [
            _gauge("uptime_seconds", "Time since the start.", time.monotonic() - self._started),
            _gauge("registered", "Whether the RS has registered this peer.", peer.registration.registered),
            _gauge("unreachable", "Whether others could not connect to it.", peer.reachability.is_reachable is False),
            _counter(
                "registration_failures",
                "Failures to register, each reason in a row once.",
                self._counts.events[RegistrationFailed],
            ),
            _gauge("peers", "Other peers that this peer knows.", known),
            _gauge("connections", "Connections that others have opened.", len(peer.factory.connections)),
        ]

    def _library(self) -> list[Family]:
        files = self._peer.library.files.values()
        return [
            _gauge("shared_files", "Files that are shared.", len(files)),
            _gauge("shared_bytes", "Their size.", sum(file.size for file in files)),
            _gauge("index_records", "Records learnt from other peers.", len(self._peer.index)),
        ]

    def _serving(self) -> list[Family]:
        factory = self._peer.factory
        queued = sum(queue.length for queue in factory.piece_source.queues.values())
        return [
            _counters("requests", "Requests that could be read.", "method", METHODS, factory.requests),
            _counters("requests_refused", "Requests that were refused.", "status", STATUSES, factory.refusals),
            _counter("served_bytes", "Bytes of files that were asked for and are sent.", factory.uploaded),
            _gauge("upload_queue_length", "Downloaders that wait for a turn, and pieces that wait to be sent.", queued),
            _counters(
                "limits_hit",
                "Connections that a limit refused, or ended.",
                "limit",
                LIMITS,
                factory.limit_hits,
            ),
        ]

    def _fetching(self) -> list[Family]:
        counts, downloads = self._counts, self._peer.download_manager.downloads.values()
        running = sum(download.state == RUNNING for download in downloads)
        return [
            _gauge("downloads_running", "Downloads that are running.", running),
            _counter("fetched_bytes", "Bytes received in downloads.", counts.fetched),
            _counters(
                "files_ended",
                "Files of downloads that have ended.",
                "state",
                (DONE, FAILED, CANCELLED, THERE),
                counts.files,
            ),
            _counter("pieces_verified", "Pieces received and verified.", counts.events[PieceVerified]),
            _counter("hash_failures", "Pieces received that were wrong.", counts.events[HashFailed]),
            _counter("sources_lost", "Times that a source was lost.", counts.events[SourceLost]),
            _counter("sources_snubbed", "Times that a source sent nothing.", counts.events[SourceSnubbed]),
            _counter("sources_banned", "Sources banned in a download.", counts.events[SourceBanned]),
        ]


def _gauge(name: str, text: str, value: float) -> Family:
    return Family("gauge", f"p2p_peer_{name}", text, [({}, float(value))])


def _counter(name: str, text: str, value: float) -> Family:
    return Family("counter", f"p2p_peer_{name}", text, [({}, value)])


def _counters(name: str, text: str, label: str, keys: tuple[Any, ...], numbers: Mapping[Any, int]) -> Family:
    return Family("counter", f"p2p_peer_{name}", text, [({label: str(key)}, numbers.get(key, 0)) for key in keys])
