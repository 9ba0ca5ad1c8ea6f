"""A peer's server with real files behind it, over an in-memory transport or a real socket."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.library.audience import Audience, Audiences
from p2p_twisted.library.cache import HashCache
from p2p_twisted.library.shared import Library
from p2p_twisted.peer.serving.content_store import ContentStore
from p2p_twisted.peer.serving.factory import PeerFactory

MODIFIED = 1_795_659_611
"""The time of all files here: 2026-11-26 02:20:11."""


class Transport(StringTransport):
    """Adds what a TCP transport has and StringTransport lacks."""

    aborted = False
    disconnected = False
    ended = False
    """Whether this side was closed, after what had been written."""

    def startWriting(self) -> None:
        """Do nothing: the test calls resumeProducing."""

    def abortConnection(self) -> None:
        self.aborted = True

    def loseConnection(self) -> None:
        self.ended = True
        super().loseConnection()

    def loseWriteConnection(self) -> None:
        self.ended = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def received(self) -> bytes:
        """Return the bytes written since the last call."""
        data: bytes = self.value()
        self.clear()
        return data


async def make_factory(
    folder: Path | str,
    files: Mapping[str, bytes],
    clock: Clock | None = None,
    now: Callable[[], float] = time.monotonic,
    reactor: Any = reactor,
    audiences: Mapping[str, Audience] | None = None,
) -> PeerFactory:
    """Return a PeerFactory that shares `files` (name -> bytes), written to `folder`; `reactor` has the threads.

    `audiences` has folders in `folder` that are shared as well, each with its audience.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (MODIFIED, MODIFIED))
    cache = HashCache(Path(f"{folder}-hashes.sqlite"))
    inner = {root / name: audience for name, audience in (audiences or {}).items()}
    library = Library(reactor, [root, *inner], cache, audiences=Audiences(inner))
    await library.scan()
    content_store = ContentStore(library, DistributedIndex(), now)
    content_store.port = 4394
    return PeerFactory(clock or Clock(), content_store)


def connect(factory: Any, host: str = "192.168.1.1", name: str | None = None) -> tuple[Any, Transport]:
    """Return protocol and transport of a new in-memory connection; `name` is that of the client's certificate."""
    transport = Transport(IPv4Address("TCP", "10.153.15.5", 4394), IPv4Address("TCP", host, 50000))
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(transport)
    protocol.caller = protocol.caller._replace(name=name)
    return protocol, transport
