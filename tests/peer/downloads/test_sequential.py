"""Whole documents from holders in a network in memory: the order of requests, the connections, and holders that close,
refuse, send wrong documents or are gone."""

import gc
import hashlib
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.index.search import documents
from p2p_twisted.net import client
from p2p_twisted.net.throttle import Throttle
from p2p_twisted.peer.downloads import whole_file
from p2p_twisted.peer.downloads.holders import MAX_KEPT
from p2p_twisted.peer.downloads.model import DONE, FAILED, WAITING, DownloadFile
from p2p_twisted.peer.downloads.sequential import (
    AHEAD,
    HANDOVER,
    MAX_OUTSTANDING,
    MAX_RETRIES,
    MAX_RETRY_AFTER,
    SequentialFetcher,
)
from p2p_twisted.swarm.part_file import PartFile
from p2p_twisted.swarm.target import Target
from p2p_twisted.wire.messages import Version
from p2p_twisted.wire.parser import RequestParser
from p2p_twisted.wire.records import IndexRecord
from tests.support.diallers import make_dialler
from tests.support.memory_network import Network


class HolderConnection(Protocol):
    """One connection of a holder: the names `requested` on it, and those that are `outstanding`."""

    def connectionMade(self):
        self.requested, self.outstanding, self.is_open, self.sent = [], [], True, 0
        self._parser, self._rest = RequestParser(), b""
        self.factory.connections.append(self)

    def connectionLost(self, reason=connectionDone):
        self.is_open = False
        self.outstanding.clear()

    def dataReceived(self, data):
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            request = self._parser.line(line)
            if request is not None:
                self.requested.append(request.message.name)
                self.outstanding.append(request.message.name)
                self.factory.note()
        if self.factory.answers:
            self.answer(len(self.outstanding))

    def answer(self, count=1):
        """Answer the first `count` outstanding requests."""
        for _ in range(min(count, len(self.outstanding))):
            body = self.factory.documents.get(self.outstanding[0])
            self.begin(b"nothing\n" if body is None else body, b"100 Not Found" if body is None else b"200 OK")
            self.outstanding.pop(0)
            self.sent = 0
            if self.factory.version == b"1.0":
                self.transport.loseConnection()

    def put_off(self, seconds):
        """Refuse the first request for so many seconds."""
        head = b"100 FILE_NOT_FOUND P2P-CI/1.1\nHost: h\nOS: o\nLength: 0\nRetry-After: %d\n\n" % seconds
        self.transport.write(head)
        self.outstanding.pop(0)

    def begin(self, body, status=b"200 OK", sent=None):
        """Answer with the first `sent` bytes of `body`."""
        length = b"Length: %d\n" % len(body) if self.factory.version == b"1.1" else b""
        head = b"%s P2P-CI/%s\nHost: h\nOS: o\n%s\n" % (status, self.factory.version, length)
        self.transport.write(head + body[:sent])
        self.sent = len(body[:sent])

    def send(self, data):
        """Go on with the answer that `begin` has begun."""
        self.transport.write(data)
        self.sent += len(data)


class Holder(Factory):
    """A peer that has `documents` (name -> bytes) and answers at once unless `answers` is false."""

    protocol = HolderConnection
    noisy = False

    def __init__(self, case, documents, version=b"1.1"):
        self.documents = documents
        self.version = version
        self.answers = True
        self.connections = []
        self._case = case

    def note(self):
        """Note how many holders are asked for more than the last bytes that they are to send."""
        busy = sum(holder.left > HANDOVER for holder in self._case.holders.values())
        self._case.busy = max(self._case.busy, busy)

    @property
    def left(self):
        """Return the bytes that are still to be sent of the documents that are outstanding."""
        busy = [connection for connection in self.connections if connection.outstanding]
        sizes = (len(self.documents.get(name, b"")) for connection in busy for name in connection.outstanding)
        return sum(sizes) - sum(connection.sent for connection in busy)

    @property
    def requested(self):
        """Return the names requested on each connection on which any were."""
        return [connection.requested for connection in self.connections if connection.requested]

    @property
    def open(self):
        return [connection for connection in self.connections if connection.is_open]


def named(count, size=10):
    """Return `count` documents of `size` bytes."""
    return {f"doc{number:02}": bytes([number]) * size for number in range(count)}


class Case(SynchronousTestCase):
    """Has `holders` by their number; of the holders of a document, the one with the lowest number is asked first."""

    def setUp(self):
        self.network = Network()
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.holders = {}
        self.busy = 0
        self.completed = []
        self.addCleanup(self.check_end)

    def check_end(self):
        self.assertLessEqual(self.busy, 1, "two holders were asked for much at the same time")
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def at(self, number):
        return f"10.0.1.{number}", 4000 + number

    def holder(self, number, documents, version=b"1.1"):
        holder = self.holders[number] = Holder(self, documents, version)
        self.network.servers[self.at(number)] = holder
        return holder

    def fetch(self, *wanted, has_size=True):
        """Start to fetch documents: (name, bytes, numbers of the holders)."""
        self.files = [DownloadFile(name, self.document(name, body, held, has_size)) for name, body, held in wanted]
        peers = {self.at(number): SimpleNamespace(failures=number) for number in range(100)}
        downlink = Throttle(self.network, self.network.seconds, None)
        versions = {b"1.0": Version.V10, b"1.1": Version.V11}
        proven = {self.at(number): versions[holder.version] for number, holder in self.holders.items()}
        discovery: Any = SimpleNamespace(peers=peers, dialler=make_dialler(self.network, proven))
        reactor: Any = self.network
        self.fetcher = SequentialFetcher(
            reactor, discovery, downlink, lambda file, *_: self.completed.append(file.name)
        )
        targets = [(file, Target(self.folder, file.name)) for file in self.files]
        self.outcome = []
        self.running = Deferred.fromCoroutine(self.fetcher.run(targets, False))
        self.running.addBoth(self.end)
        self.network.settle()

    def end(self, outcome: Any) -> None:
        self.outcome.append(outcome)

    def document(self, name, body, held, has_size):
        size, sha256, pieces = (len(body), hashlib.sha256(body).hexdigest(), "") if has_size else (None, None, None)
        addresses = [self.at(number) for number in held]
        return documents(IndexRecord(name, "", host, port, 7200, size, sha256, pieces) for host, port in addresses)[0]

    def fetch_all(self, number, **how):
        """Start to fetch all documents of the holder of that number."""
        self.fetch(*((name, body, [number]) for name, body in self.holders[number].documents.items()), **how)

    def assert_done(self):
        """Assert that all documents are in place and no connection is open."""
        self.network.settle()
        self.assertEqual({file.name: (file.state, file.error) for file in self.files if file.state != DONE}, {})
        self.assertEqual((self.outcome, sorted(self.completed)), ([None], [file.name for file in self.files]))
        self.assertEqual({path.name for path in self.folder.iterdir()}, {file.name for file in self.files})
        self.assertEqual([holder.open for holder in self.holders.values() if holder.open], [])


class AskedAhead(Case):
    """One holder of 1.1: one connection, on which the next documents are requested ahead of time."""

    def test_small_ones(self):
        holder = self.holder(1, named(MAX_OUTSTANDING + 5))
        holder.answers = False
        self.fetch_all(1)
        [connection] = holder.connections
        self.assertEqual(len(connection.requested), MAX_OUTSTANDING)
        connection.begin(holder.documents["doc00"], sent=3)
        self.network.settle()
        self.assertEqual([file.state for file in self.files[:2]], ["running", WAITING])
        connection.transport.write(holder.documents["doc00"][3:])
        connection.outstanding.pop(0)
        self.network.settle()
        self.assertEqual(len(connection.requested), MAX_OUTSTANDING, "the second has not begun to arrive")
        while not self.outcome:
            connection.answer()
            self.network.settle()
            self.assertLessEqual(len(connection.outstanding), MAX_OUTSTANDING)
        self.assertEqual(holder.requested, [list(holder.documents)])
        self.assert_done()

    def test_large_ones(self):
        holder = self.holder(1, named(6, AHEAD // 2 - 1))
        holder.answers = False
        self.fetch_all(1)
        [connection] = holder.connections
        for _ in range(3):
            connection.begin(holder.documents[connection.outstanding[0]], sent=1)
            self.network.settle()
            self.assertEqual(len(connection.outstanding), 3)
            connection.transport.write(holder.documents[connection.outstanding.pop(0)][1:])
            self.network.settle()
        holder.answers = True
        connection.answer(9)
        self.assert_done()

    def test_behind_a_large_one_as_soon_as_little_of_it_is_left(self):
        holder = self.holder(1, named(3, 2 * AHEAD))
        holder.answers = False
        self.fetch_all(1)
        [connection] = holder.connections
        body = holder.documents["doc00"]
        connection.begin(body, sent=AHEAD)
        self.network.settle()
        self.assertEqual(connection.outstanding, ["doc00"])
        connection.transport.write(body[AHEAD : AHEAD + 1])
        self.network.settle()
        self.assertEqual(connection.outstanding, ["doc00", "doc01"])
        connection.transport.write(body[AHEAD + 1 :])
        connection.outstanding.pop(0)
        holder.answers = True
        connection.answer(9)
        self.assert_done()

    def test_nothing_is_requested_behind_one_of_unknown_size(self):
        holder = self.holder(1, named(3))
        holder.answers = False
        self.fetch_all(1, has_size=False)
        [connection] = holder.connections
        connection.begin(holder.documents["doc00"], sent=3)
        self.network.settle()
        self.assertEqual(connection.requested, ["doc00"])
        connection.transport.write(holder.documents["doc00"][3:])
        connection.outstanding.pop(0)
        holder.answers = True
        self.network.settle()
        self.assert_done()

    def test_empty_ones(self):
        holder = self.holder(1, named(3, 0))
        self.fetch_all(1)
        self.assertEqual(holder.requested, [["doc00", "doc01", "doc02"]])
        self.assert_done()

    def test_a_document_that_the_holder_no_longer_has(self):
        """The others requested from it arrive on the same connection before another holder is asked."""
        wanted = named(4)
        one = self.holder(1, {name: body for name, body in wanted.items() if name != "doc01"})
        other = self.holder(2, wanted)
        one.answers = False
        self.fetch(*((name, body, [1, 2]) for name, body in wanted.items()))
        [connection] = one.connections
        connection.begin(wanted["doc00"], sent=3)
        self.network.settle()
        connection.transport.write(wanted["doc00"][3:])
        connection.outstanding.pop(0)
        connection.answer()
        self.network.settle()
        self.assertEqual((connection.outstanding, other.requested), (["doc02", "doc03"], []))
        connection.answer(2)
        self.network.settle()
        self.assertEqual((one.requested, other.requested), ([list(wanted)], [["doc01"]]))
        self.assert_done()

    def test_another_document_of_the_same_name(self):
        """A record that is wrong about one document ends only this one."""
        holder = self.holder(1, named(4))
        holder.answers = False
        self.fetch(*((name, body, [1]) for name, body in holder.documents.items()))
        [connection] = holder.connections
        connection.begin(holder.documents["doc00"], sent=3)
        self.network.settle()
        connection.transport.write(holder.documents["doc00"][3:])
        connection.outstanding.pop(0)
        holder.documents = {**holder.documents, "doc01": b"longer than was said"}
        holder.answers = True
        connection.answer(3)
        self.network.settle()
        self.assertEqual([file.state for file in self.files], [DONE, FAILED, DONE, DONE])
        self.assertIn("more than the 10 bytes", str(self.files[1].error))


class Nothing(Case):
    """A holder of 1.0 sends no byte of a document."""

    def test_of_unknown_size_and_hash(self):
        self.holder(1, {"doc": b""}, b"1.0")
        self.fetch(("doc", b"", [1]), has_size=False)
        self.assertEqual([file.state for file in self.files], [FAILED])
        self.assertIn("could not be judged", str(self.files[0].error))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_another_holder_is_asked(self):
        self.holder(1, {"doc": b""}, b"1.0")
        self.holder(2, {"doc": b"content"}, b"1.0")
        self.fetch(("doc", b"content", [1, 2]), has_size=False)
        self.assert_done()
        self.assertEqual((self.folder / "doc").read_bytes(), b"content")

    def test_of_a_document_that_is_known_to_be_empty(self):
        self.holder(1, {"doc": b""}, b"1.0")
        self.fetch(("doc", b"", [1]))
        self.assert_done()

    def test_1_1_says_that_it_is_empty(self):
        self.holder(1, {"doc": b""}, b"1.1")
        self.fetch(("doc", b"", [1]), has_size=False)
        self.assert_done()


class Holders(Case):
    """Several holders."""

    def test_holders_take_turns_and_the_next_is_dialled_in_time(self):
        wanted = named(6)
        holders = [self.holder(number, wanted) for number in (1, 2)]
        holders[0].answers = False
        turns = [1, 1, 2, 1, 2, 2]
        self.fetch(*((name, body, [turn]) for (name, body), turn in zip(wanted.items(), turns, strict=True)))
        self.assertEqual([len(holder.open) for holder in holders], [1, 1])
        self.assertEqual((holders[0].requested, holders[1].requested), ([["doc00", "doc01"]], []))
        holders[0].answers = True
        holders[0].connections[0].answer(2)
        self.assert_done()
        self.assertEqual(holders[0].requested, [["doc00", "doc01", "doc03"]])
        self.assertEqual(holders[1].requested, [["doc02", "doc04", "doc05"]])

    def test_the_next_is_asked_for_the_last_bytes_of_the_one_before(self):
        wanted = named(4, 2 * HANDOVER)
        holders = [self.holder(number, wanted) for number in (1, 2)]
        holders[0].answers = False
        self.fetch(*((name, body, [turn]) for (name, body), turn in zip(wanted.items(), [1, 2, 2, 1], strict=True)))
        [connection] = holders[0].connections
        connection.begin(wanted["doc00"], sent=HANDOVER - 1)
        self.network.settle()
        self.assertEqual(holders[1].requested, [])
        connection.send(wanted["doc00"][HANDOVER - 1 : HANDOVER])
        self.network.settle()
        self.assertEqual(holders[1].requested, [["doc01", "doc02"]])
        self.assertEqual(self.completed, [], "what comes from the second waits for the first")
        connection.outstanding.clear()
        connection.transport.write(wanted["doc00"][HANDOVER:])
        holders[0].answers = True
        self.assert_done()
        self.assertEqual(holders[0].requested, [["doc00", "doc03"]])

    def test_the_first_is_lost_when_the_next_has_been_asked(self):
        wanted = named(3)
        holders = [self.holder(number, wanted) for number in (1, 2)]
        holders[0].answers = holders[1].answers = False
        self.fetch(*((name, body, turn) for (name, body), turn in zip(wanted.items(), [[1, 2], [2], [2]], strict=True)))
        holders[0].connections[0].begin(wanted["doc00"], sent=3)
        self.network.settle()
        self.assertEqual(holders[1].requested, [["doc01", "doc02"]])
        holders[0].connections[0].transport.abortConnection()
        holders[1].answers = True
        holders[1].connections[0].answer(9)
        self.assert_done()

    def test_a_1_0_holder_has_a_connection_for_each_document(self):
        holder = self.holder(1, named(4), b"1.0")
        self.fetch_all(1, has_size=False)
        self.assertEqual(holder.requested, [["doc00"], ["doc01"], ["doc02"], ["doc03"]])
        self.assert_done()

    def test_more_of_them_than_connections_are_kept(self):
        """The connection that is receiving is not closed to make room for one that is not used yet."""
        count = MAX_KEPT + 3
        wanted = named(count)
        for number in range(count):
            self.holder(number, wanted)
        self.holders[0].answers = False
        self.fetch(*((name, body, [number]) for number, (name, body) in enumerate(wanted.items())))
        self.assertEqual(sum(len(holder.open) for holder in self.holders.values()), MAX_KEPT)
        sending = self.holders[0].connections[0]
        sending.begin(wanted["doc00"], sent=3)
        self.network.settle()
        self.assertTrue(sending.is_open)
        sending.transport.write(wanted["doc00"][3:])
        sending.outstanding.clear()
        self.assert_done()
        self.assertEqual([len(holder.requested) for holder in self.holders.values()], [1] * count)

    def test_a_connection_in_use_stays_when_another_is_dialled(self):
        """All connections that may be kept are open, and the oldest one is receiving."""
        wanted = named(MAX_KEPT + 1)
        for number in range(MAX_KEPT + 1):
            self.holder(number, wanted)
        order = [*range(MAX_KEPT), 0, MAX_KEPT]
        names = iter(named(len(order)).items())
        for holder in self.holders.values():
            holder.documents = named(len(order))
        self.fetch(*((*next(names), [number]) for number in order))
        self.assert_done()
        self.assertTrue(all(len(holder.requested) == 1 for holder in self.holders.values()))


class Lost(Case):
    """Connections that are lost, and holders that fall silent."""

    def closed_while_idle(self, answers_first):
        wanted = named(3)
        one, other = self.holder(1, wanted), self.holder(2, wanted)
        other.answers = False
        numbers = [1, 2, 1] if answers_first else [2, 1, 1]
        self.fetch(*((name, body, [number]) for (name, body), number in zip(wanted.items(), numbers, strict=True)))
        return one, other

    def test_while_nothing_was_asked(self):
        for answers_first in (True, False):
            self.setUp()
            one, other = self.closed_while_idle(answers_first)
            one.connections[0].transport.loseConnection()
            self.network.settle()
            other.answers = True
            other.connections[0].answer()
            self.assert_done()
            self.assertEqual(len(one.connections), 2)

    def test_just_when_it_is_asked(self):
        one, other = self.closed_while_idle(True)
        other.answers = True
        other.connections[0].answer()
        one.connections[0].transport.loseConnection()
        self.assert_done()

    def in_mid_document(self):
        """Request five documents from the first of two holders, which has begun to send; return both."""
        wanted = named(5)
        one, other = self.holder(1, wanted), self.holder(2, wanted)
        one.answers = False
        self.fetch(*((name, body, [1, 2]) for name, body in wanted.items()))
        [connection] = one.connections
        connection.begin(wanted["doc00"], sent=3)
        self.network.settle()
        return one, other

    def test_lost_in_mid_document(self):
        """All that was requested from it comes from the next holder, over one connection."""
        wanted = named(5)
        one, other = self.in_mid_document()
        [connection] = one.connections
        self.assertEqual(connection.requested, list(wanted))
        del self.network.servers[self.at(1)]
        connection.transport.abortConnection()
        self.assert_done()
        self.assertEqual((len(other.connections), sorted(other.requested[0])), (1, list(wanted)))
        dialled = [address for _, address in self.network.dialled]
        self.assertEqual(dialled.count(self.at(1)), 2, "once more, not for each document")

    def test_lost_in_mid_document_and_reachable_again(self):
        one, other = self.in_mid_document()
        one.answers = True
        one.connections[0].transport.abortConnection()
        self.assert_done()
        self.assertEqual(other.requested, [["doc00"]])
        self.assertEqual(one.requested[1:], [["doc01", "doc02", "doc03", "doc04"]])

    def test_in_mid_document_and_no_other_has_it(self):
        holder = self.holder(1, named(3))
        holder.answers = False
        self.fetch_all(1)
        holder.connections[0].begin(holder.documents["doc00"], sent=3)
        self.network.settle()
        del self.network.servers[self.at(1)]
        holder.connections[0].transport.abortConnection()
        self.network.settle()
        self.assertEqual(self.outcome, [None])
        self.assertEqual({file.error.kind for file in self.files}, {"peers-failed"})
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_holder_that_falls_silent(self):
        wanted = named(3)
        one, other = self.holder(1, wanted), self.holder(2, wanted)
        one.answers = False
        self.fetch(*((name, body, [1, 2]) for name, body in wanted.items()))
        one.connections[0].begin(wanted["doc00"], sent=3)
        self.network.wait(client.STALL_TIMEOUT + 1)
        self.assert_done()
        self.assertEqual(other.requested, [list(wanted)])

    def test_an_unreachable_holder(self):
        wanted = named(3)
        other = self.holder(2, wanted)
        self.network.servers[self.at(1)] = None
        self.fetch(*((name, body, [1, 2]) for name, body in wanted.items()))
        self.network.wait(30)
        self.assert_done()
        self.assertEqual(other.requested, [list(wanted)])
        dialled = [address for _, address in self.network.dialled]
        self.assertEqual(dialled.count(self.at(1)), 1, "not for each document")

    def test_a_frozen_holder_costs_its_timeout_once(self):
        wanted = named(6)
        frozen, other = self.holder(1, wanted), self.holder(2, wanted)
        frozen.answers = False
        self.fetch(*((name, body, [1, 2]) for name, body in wanted.items()))
        self.network.wait(client.STALL_TIMEOUT + 2)
        self.assert_done()
        self.assertEqual(other.requested, [list(wanted)])

    def test_a_holder_suspended_for_a_minute(self):
        wanted = named(3)
        holder = self.holder(1, wanted)
        holder.answers = False
        self.fetch_all(1)
        self.network.wait(70)
        self.assertEqual(self.outcome, [])
        holder.answers = True
        self.network.wait(25)
        self.assert_done()

    def test_a_holder_that_stays_silent(self):
        self.holder(1, named(2)).answers = False
        self.fetch_all(1)
        self.network.wait(140)
        self.assertEqual((self.outcome, {file.error.kind for file in self.files}), ([None], {"peers-failed"}))

    def test_a_holder_that_refuses_a_document_stays_first_for_the_others(self):
        one, other = self.holder(1, named(3)), self.holder(2, {"aaa": b"aaa"})
        self.fetch(("aaa", b"aaa", [1, 2]), *((name, body, [1, 2]) for name, body in named(3).items()))
        self.assert_done()
        self.assertEqual((other.requested, one.requested[-1][-3:]), ([["aaa"]], list(named(3))))


class RetryAfter(Case):
    """A holder cannot send a document at the moment, and says when it can."""

    def setUp(self):
        super().setUp()
        self.wanted = named(3)
        self.one, self.other = self.holder(1, self.wanted), self.holder(2, self.wanted)
        self.one.answers = False
        self.fetch(*((name, body, [1, 2]) for name, body in self.wanted.items()))
        [self.connection] = self.one.connections

    def put_off(self, seconds):
        for _ in range(len(self.connection.outstanding)):
            self.connection.put_off(seconds)
        self.network.settle()

    def test_it_is_asked_again_then(self):
        self.put_off(3)
        self.network.wait(2.75)
        self.assertEqual(self.connection.outstanding, [], "nor is it asked for another")
        self.network.wait(0.25)
        self.assertEqual(self.connection.outstanding, list(self.wanted))
        self.one.answers = True
        self.connection.answer(3)
        self.assert_done()
        self.assertEqual(self.other.requested, [])

    def test_not_later_than_that(self):
        self.put_off(1000)
        self.network.wait(MAX_RETRY_AFTER)
        self.assertEqual(self.connection.outstanding, list(self.wanted))
        self.one.answers = True
        self.connection.answer(3)
        self.assert_done()

    def test_so_many_times(self):
        """Then another holder is asked."""
        for _ in range(MAX_RETRIES):
            self.put_off(0)
            self.network.wait(1)
        self.connection.put_off(0)
        self.one.answers = True
        self.connection.answer(2)
        self.assert_done()
        self.assertEqual(self.other.requested, [["doc00"]])
        self.assertEqual(self.connection.requested[-2:], ["doc01", "doc02"], "it has not failed")


class WithoutSize(Case):
    """A server of 1.0 does not say the size, and its answer may never end."""

    def setUp(self):
        super().setUp()
        self.one = self.holder(1, {"doc": b"1"}, b"1.0")
        self.one.answers = False

    def begin(self):
        self.fetch_all(1, has_size=False)
        [connection] = self.one.connections
        connection.begin(b"")
        return connection

    def error(self):
        self.network.settle()
        [file] = self.files
        self.assertEqual((self.outcome, list(self.folder.iterdir())), ([None], []))
        return str(file.error)

    def test_an_endless_document_does_not_fill_the_disk(self):
        self.patch(whole_file, "MAX_UNSIZED", 10_000)
        connection = self.begin()
        for _ in range(11):
            connection.transport.write(bytes(1000))
            self.network.settle()
        self.assertIn("it sent more than 10000 bytes", self.error())

    def test_nor_more_than_half_of_the_room_that_there_is(self):
        self.patch(PartFile, "free_space", lambda part: 4000)
        connection = self.begin()
        connection.transport.write(bytes(2001))
        self.assertIn("it sent more than 2000 bytes", self.error())

    def test_a_dripping_document_is_given_up(self):
        connection = self.begin()
        for _ in range(whole_file.MIN_RATE_AFTER + 5):
            connection.transport.write(bytes(500))
            self.network.wait(1)
        self.assertIn("less than 1024 bytes a second", self.error())

    def test_a_slow_document_is_not_given_up(self):
        connection = self.begin()
        for _ in range(2 * whole_file.MIN_RATE_AFTER):
            connection.transport.write(bytes(2000))
            self.network.wait(1)
        connection.transport.loseConnection()
        self.network.settle()
        self.assert_done()


class Cancelled(Case):
    """All requests stop, and no file is left."""

    def cancel(self):
        dialled = len(self.network.dialled)
        self.running.cancel()
        self.network.wait(client.STALL_TIMEOUT + 10)
        [failure] = self.outcome
        self.assertTrue(failure.check(CancelledError))
        self.assertEqual(len(self.network.dialled), dialled)
        self.assertEqual([holder.open for holder in self.holders.values() if holder.open], [])
        self.assertEqual((self.completed, list(self.folder.iterdir())), ([], []))
        self.assertEqual(self.network.getDelayedCalls(), [])

    def test_while_documents_come(self):
        holder = self.holder(1, named(5))
        holder.answers = False
        self.fetch_all(1)
        holder.connections[0].begin(holder.documents["doc00"], sent=3)
        self.network.settle()
        self.assertEqual(len(list(self.folder.iterdir())), 5)
        self.cancel()

    def test_while_a_connection_is_made(self):
        self.network.servers[self.at(1)] = None
        for held in ([1], [1, 2]):
            self.fetch(*((name, body, held) for name, body in named(3).items()))
            self.cancel()

    def test_cancelled_while_a_connection_is_made_again(self):
        holder = self.holder(1, named(5))
        holder.answers = False
        self.fetch_all(1)
        holder.connections[0].begin(holder.documents["doc00"], sent=3)
        self.network.settle()
        self.network.servers[self.at(1)] = None
        holder.connections[0].transport.abortConnection()
        self.network.settle()
        self.assertEqual(len(self.network.dialled), 2)
        self.cancel()
