"""A peer: all bytes of a connection to one that shares three files, to `PeerConnection`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from fuzz.conversations import answers, asked, check, no_failure_is_logged
from fuzz.harness import bounded
from p2p_twisted.peer.serving.factory import PeerFactory
from p2p_twisted.wire.messages import GetIndex, Request
from tests.support.memory_network import Network
from tests.support.peer_server import connect, make_factory

FILES = {"short.txt": b"short\n", "notes/log.txt": bytes(range(256)) * 300, "rfc/rfc1149.txt": b"Avian carriers\n"}
"""The second has two pieces."""

MAX_LENGTH = 4096
"""Bytes of a connection: each request may be answered by a whole file."""

FOLDER = TemporaryDirectory(prefix="fuzz-")


def _make() -> PeerFactory:
    made: list[PeerFactory] = []
    making = make_factory(Path(FOLDER.name) / "share", FILES, NETWORK, reactor=NETWORK)
    Deferred.fromCoroutine(making).addCallback(made.append)
    NETWORK.settle()
    return made[0]


NETWORK = Network()
PEER = _make()


def _follows(request: Request) -> bool:
    return isinstance(request.message, GetIndex) and request.message.follow


def _said(data: bytes) -> bytes:
    connection, transport = connect(PEER)
    connection.dataReceived(data)
    said = len(transport.value())
    while transport.producer is not None:
        transport.producer.resumeProducing()
        if len(transport.value()) == said:  # it follows the index
            break
        said = len(transport.value())
    connection.connectionLost(Failure(ConnectionDone()))
    return transport.received()


@bounded
def one(data: bytes) -> None:
    """Answer each request as the parser reads it; behind one that follows the index, nothing is answered."""
    data = data[:MAX_LENGTH]
    with no_failure_is_logged():
        found = answers(_said(data))
    if not any(map(_follows, asked(data)[0])):
        check(data, found)
