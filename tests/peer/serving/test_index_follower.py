"""A follower with a long index to read: it comes in parts, without a copy, and then what has changed meanwhile."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address

from p2p_twisted.net.producers import PART
from p2p_twisted.wire.changes import parse_change
from tests.peer.serving.test_index_feed import a_file
from tests.peer.serving.test_protocol import ENVELOPE, Case
from tests.support.peer_server import Transport

FOLLOW = b"GET INDEX P2P_DI_1.1\n" + ENVELOPE.rstrip(b"\n") + b"\nSince: 0\nFollow: yes\n\n"
COUNT = 2000


class SlowTransport(Transport):
    """The transport of a client that reads when the test says so."""

    def write(self, data: bytes) -> None:
        super().write(data)
        if self.producer is not None and len(data) >= PART:
            self.producer.pauseProducing()


class LongIndex(Case):
    def follow(self) -> SlowTransport:
        """Return the transport of a new client, which has been sent the first part."""
        transport = SlowTransport(IPv4Address("TCP", "10.153.15.5", 4394), IPv4Address("TCP", "192.168.1.1", 50000))
        protocol: Any = self.factory.buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(FOLLOW)
        self.turn()
        return transport

    def turn(self) -> None:
        """Let the reactor turn until there is nothing to do at once."""
        for _ in range(200):
            self.clock.advance(0)

    def share(self, first: int, count: int) -> None:
        self.factory.content_store.library.apply([a_file(f"{n:05}", n) for n in range(first, first + count)], [])

    def test_it_comes_in_parts_and_the_changes_after_it(self) -> None:
        self.share(0, COUNT)
        transport = self.follow()
        self.share(COUNT, 3)
        self.clock.advance(1)
        self.turn()
        received = transport.received()
        self.assertLess(len(received), 3 * PART, "no more than it reads")
        while transport.producer._paused:
            transport.producer.resumeProducing()
            self.turn()
            received += transport.received()
        head, _, rest = received.partition(b"\n\n")
        length = int(head.split(b"Length: ")[1].split(b"\n")[0])
        whole, more = rest[:length], rest[length:].partition(b"\n\n")[2]
        names = [parse_change(line).name for line in whole.decode().splitlines()]
        self.assertEqual(len(names), COUNT + 3)
        self.assertEqual(more.count(b"\n"), 3)

    def test_many_who_read_slowly_share_one(self) -> None:
        self.share(0, COUNT)
        transports = [self.follow() for _ in range(20)]
        [body] = {body for transport in transports for body in transport.producer._answer.shared}
        self.assertEqual(body.readers, 20)
        transports[0].producer.stopProducing()
        self.assertEqual(body.readers, 19)
        for transport in transports[1:]:
            while transport.producer._paused:
                transport.producer.resumeProducing()
        self.assertEqual(body.readers, 0)
