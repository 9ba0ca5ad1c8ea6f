"""Files and long answers over real sockets: complete, in order, at the reader's pace, every descriptor closed after."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import LoopingCall, deferLater
from twisted.trial.unittest import SkipTest, TestCase

from p2p_twisted.net import connection_state, server
from p2p_twisted.peer.serving import file_sender as sending
from p2p_twisted.wire.records import IndexRecord
from tests.support.peer_server import make_factory

MIB = 2**20
ENVELOPE = b"Host 127.0.0.1\nOS Linux\n"


def ask(name, version=b"1.0", first=None, last=None):
    """A GET FILE for `name`.bin, or for the bytes `first` to `last` of it."""
    headers = b"" if first is None else b"Range: %d-%d\n" % (first, last)
    return b"GET FILE P2P_DI_%s\n%s%s\n%s\nbin\n" % (version, ENVELOPE, headers, name)


class Reader(Protocol):
    """A client that says `said` and keeps what it hears; after `limit` bytes it reads no further until `go_on`."""

    def __init__(self, said, limit=None) -> None:
        self.received = bytearray()
        self.said, self._limit = said, limit
        self.lost = Deferred()
        self._waiting = []

    def connectionMade(self) -> None:
        if self._limit == 0:
            self.transport.pauseProducing()
        self.transport.write(self.said)

    def dataReceived(self, data) -> None:
        self.received += data
        if self._limit is not None and len(self.received) >= self._limit:
            self.transport.pauseProducing()
        self._fire()

    def _fire(self) -> None:
        for count, done in self._waiting[:]:
            if len(self.received) >= count:
                self._waiting.remove((count, done))
                done.callback(None)

    def reach(self, count):
        """Fires when so many bytes have been received."""
        done = Deferred()
        self._waiting.append((count, done))
        self._fire()
        return done

    def go_on(self, limit=None):
        """Read on, up to so many more bytes."""
        self._limit = None if limit is None else len(self.received) + limit
        self.transport.resumeProducing()
        return self.lost if limit is None else self.reach(self._limit)

    def connectionLost(self, reason=connectionDone) -> None:
        self.lost.callback(reason.type)

    @property
    def body(self):
        return bytes(self.received).partition(b"\n\n")[2]


class Case(TestCase):
    """Each test has a server on loopback with a file of random bytes, a big one that is all zero, and an empty one."""

    timeout = 30
    BIG = 64 * MIB

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = random.Random(1).randbytes(3 * MIB + 17)
        return Deferred.fromCoroutine(self._serve())

    async def _serve(self) -> None:
        shared = self.folder / "shared"
        self.factory = await make_factory(shared, {"some.bin": self.data, "none.bin": b"", "big.bin": b""})
        self.clock = cast(Any, self.factory.clock)
        self.big = shared / "big.bin"
        os.truncate(self.big, self.BIG)
        await self.factory.content_store.library.scan()
        self.addCleanup(self.factory.content_store.library.stop)
        port = reactor.listenTCP(0, cast(Any, self.factory), interface="127.0.0.1")
        self.addCleanup(lambda: Deferred.fromCoroutine(self._end(port)))
        self.endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", cast(IPv4Address, port.getHost()).port)

    async def _end(self, port) -> None:
        await port.stopListening()
        await self.gone()

    def connect(self, said, limit=None):
        """A Reader that is connected."""
        return connectProtocol(self.endpoint, Reader(said, limit))

    async def whole(self, said):
        """All bytes received for `said` until the server closes."""
        reader = await self.connect(said)
        self.assertIs(await reader.lost, ConnectionDone)
        return reader

    async def until(self, ready) -> None:
        """Wait for something that has no event of its own."""
        while not ready():
            await deferLater(reactor, 0.01)

    async def gone(self) -> None:
        """No connection is left."""
        await self.until(lambda: not self.factory.connections)

    def descriptors(self):
        """Return the number of open descriptors of shared files."""
        folder = Path("/proc/self/fd")
        if not folder.is_dir():
            raise SkipTest("no /proc")
        found = []
        for entry in folder.iterdir():
            try:
                found.append(entry.readlink())
            except OSError:
                continue
        return sum(self.folder / "shared" in path.parents for path in found)

    def buffered(self):
        """The bytes that the server holds for its clients."""
        transports = [cast(Any, connection.transport) for connection in self.factory.connections]
        return sum(len(t.dataBuffer) + t._tempDataLen for t in transports)


class BySendfile(Case):
    """The way of plain TCP on Linux; on other systems, the same as below."""

    def test_whole(self):
        async def run() -> None:
            self.assertEqual((await self.whole(ask(b"some"))).body, self.data)
            self.assertEqual((await self.whole(ask(b"none"))).body, b"")
            self.assertEqual(self.descriptors(), 0)

        return Deferred.fromCoroutine(run())

    def test_ranges(self):
        async def run() -> None:
            end = len(self.data) - 1
            for first, last in ((0, 0), (0, end), (end, end), (1, MIB), (MIB - 1, 2 * MIB + 1)):
                reader = await self.connect(ask(b"some", b"1.1", first, last))
                await reader.reach(last - first + 1)
                await self.until(lambda reader=reader, size=last - first + 1: len(reader.body) >= size)
                self.assertEqual(reader.body, self.data[first : last + 1])
                reader.transport.loseConnection()
                await reader.lost

        return Deferred.fromCoroutine(run())

    def test_many_at_once_and_one_after_the_other(self):
        """Twenty connections, on each three requests and the last in 1.0."""

        async def run() -> None:
            said = ask(b"some", b"1.1") + ask(b"none", b"1.1") + ask(b"some")
            readers = await gatherResults([self.connect(said) for _ in range(20)])
            for reader in readers:
                self.assertIs(await reader.lost, ConnectionDone)
                self.assertEqual(reader.received.count(self.data), 2)
                self.assertTrue(reader.received.endswith(b"\n\n" + self.data))
            await self.gone()
            self.assertEqual(self.descriptors(), 0)

        return Deferred.fromCoroutine(run())

    def test_a_slow_reader_costs_no_memory_and_delays_nobody(self):
        async def run() -> None:
            readers = await gatherResults([self.connect(ask(b"big"), 0) for _ in range(8)])
            for _ in range(3):
                self.assertEqual((await self.whole(ask(b"some"))).body, self.data)
                self.assertLessEqual(self.buffered(), len(readers) * sending.BLOCK)
            self.assertEqual(self.descriptors(), len(readers))
            for reader in readers[1:]:
                reader.transport.abortConnection()
            self.assertIs(await readers[0].go_on(), ConnectionDone)
            self.assertEqual(len(readers[0].body), self.BIG)
            self.assertEqual(readers[0].body.count(0), self.BIG)
            await self.gone()
            self.assertEqual(self.descriptors(), 0)

        return Deferred.fromCoroutine(run())

    def test_a_slow_but_steady_reader_gets_all(self):
        async def run() -> None:
            reader = await self.connect(ask(b"big"), 0)
            await self.until(lambda: self.descriptors() == 1)
            while len(reader.received) < self.BIG - 8 * MIB:
                before = max(connection.expires for connection in self.factory.connections)
                self.clock.advance(connection_state.STALL_TIMEOUT - 1)
                await reader.go_on(8 * MIB)
                await self.until(lambda before=before: [c for c in self.factory.connections if c.expires > before])
            self.assertIs(await reader.go_on(), ConnectionDone)
            self.assertEqual(len(reader.body), self.BIG)

        return Deferred.fromCoroutine(run())

    def test_a_reader_that_stops_is_given_up(self):
        async def run() -> None:
            reader = await self.connect(ask(b"big"), MIB)
            await reader.reach(MIB)
            self.clock.pump([1] * (2 * connection_state.STALL_TIMEOUT))
            await self.gone()
            self.assertEqual(self.descriptors(), 0)
            self.assertIsNot(await reader.go_on(), ConnectionDone)
            self.assertLess(len(reader.received), self.BIG)

        return Deferred.fromCoroutine(run())

    def test_a_file_that_is_cut_short_while_it_is_sent(self):
        """The announced length cannot be sent: the connection is reset, which tells the client of it."""

        async def run() -> None:
            reader = await self.connect(ask(b"big"), 0)
            await self.until(lambda: self.descriptors() == 1)
            os.truncate(self.big, MIB)
            self.assertIsNot(await reader.go_on(), ConnectionDone)
            self.assertLess(len(reader.received), self.BIG)
            await self.gone()
            self.assertEqual(self.descriptors(), 0)
            self.assertEqual(self.flushLoggedErrors(), [])

        return Deferred.fromCoroutine(run())

    def test_a_connection_that_is_lost_on_the_way(self):
        """Also with more requests waiting behind: none of them is begun."""

        async def run() -> None:
            for said in (ask(b"big"), ask(b"big", b"1.1") * 5, ask(b"big", b"1.1") + b"rubbish\n\n"):
                for how in ("abortConnection", "loseConnection"):
                    reader = await self.connect(said, 1)
                    await reader.reach(1)
                    asked = self.factory.uploaded
                    getattr(reader.transport, how)()
                    await reader.lost
                    await self.gone()
                    self.assertEqual((self.descriptors(), self.factory.uploaded), (0, asked))
            self.assertEqual(self.flushLoggedErrors(), [])

        return Deferred.fromCoroutine(run())

    def test_the_server_stops_on_the_way(self):
        async def run() -> None:
            reader = await self.connect(ask(b"big"), 1)
            await reader.reach(1)
            self.factory.doStop()
            await self.gone()
            self.factory.doStart()
            self.assertEqual(self.descriptors(), 0)

        return Deferred.fromCoroutine(run())

    def test_a_long_index(self):
        """It is no file, and comes the same way."""

        async def run() -> None:
            holder = ("10.1.1.1", 4395)
            records = [IndexRecord(f"{n}.txt", "A title" * 20, *holder, 7200) for n in range(9_000)]
            self.factory.content_store.now = lambda: 0.0
            self.factory.content_store.index.learn(holder, records, 0.0)
            said = b"GET INDEX P2P_DI_1.0\n" + ENVELOPE + b"\n"
            turns = LoopingCall(cast(Any, self.factory.clock).advance, 0)  # its body is made in slices
            turns.start(0)
            self.addCleanup(turns.stop)
            slow = await self.connect(said, 0)
            body = (await self.whole(said)).body
            self.assertEqual(body.count(b"\n"), 9_003)
            self.assertLessEqual(self.buffered(), sending.BLOCK + server.MAX_UNREAD)
            slow.transport.write(b"NULL\nNULL\n")
            self.assertIs(await slow.go_on(), ConnectionDone)
            self.assertEqual(slow.body, body)

        return Deferred.fromCoroutine(run())


class ByBlocks(BySendfile):
    """The way of TLS, and of systems without sendfile."""

    def setUp(self):
        self.patch(sending, "FileSender", sending.BlockSender)
        return super().setUp()
