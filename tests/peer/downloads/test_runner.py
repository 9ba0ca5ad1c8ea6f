"""Downloads over a network in memory, with real files: by swarms and whole, under names that make trouble."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import DownloadEnded, DownloadStarted, Event, FileEnded, FileStarted, PieceVerified
from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.library.walk import stamp_of
from p2p_twisted.net.throttle import Throttle
from p2p_twisted.peer.download_view import details
from p2p_twisted.peer.downloads import manager
from p2p_twisted.peer.downloads.manager import DownloadManager
from p2p_twisted.peer.downloads.model import CANCELLED, DONE, FAILED, PAUSED, Download
from p2p_twisted.peer.downloads.runner import DownloadRunner
from p2p_twisted.peer.peers.discovery import Discovery
from p2p_twisted.peer.peers.registration import Registration
from p2p_twisted.peer.peers.rs_finder import RsFinder
from p2p_twisted.rs.factory import RSFactory
from p2p_twisted.rs.trust import TrustedNetworks
from p2p_twisted.swarm.part_file import PartFile
from p2p_twisted.swarm.target import Target
from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.messages import GetFile, Request, Version
from tests.support.fake_sources import PIECE, Document
from tests.support.memory_network import Network, ScriptedFactory
from tests.support.peer_server import MODIFIED, connect, make_factory
from tests.support.registries import SynchronousRegistry

RS = ("10.0.0.9", 65423)
BIG = Random(1).randbytes(300_000)
OTHER = Random(2).randbytes(300_000)
HEAD_10 = b"200 OK P2P-CI/1.0\nHost: h\nOS: o\n\n"


def at(number):
    """Return the address of the peer of that number."""
    return f"10.0.1.{number}", 4000 + number


def shown(data):
    return data if len(data) < 100 else hashlib.sha256(data).hexdigest()


def v11(body):
    return b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: %d\nIndex: x.1\n\n%s" % (len(body), body)


def record(name, data, pieces="-"):
    """Return an index record of the first peer."""
    host, port = at(1)
    return f"{name}\t\t\t{host}\t{port}\t7200\t{len(data)}\t{hashlib.sha256(data).hexdigest()}\t{pieces}\n".encode()


class Dripping(Protocol):
    """A server of 1.0 that sends a few bytes of a document each second without end."""

    def dataReceived(self, data):
        if not hasattr(self, "drip"):
            self.transport.write(HEAD_10)
            self.drip = LoopingCall(lambda: self.transport.write(bytes(300)))
            self.drip.clock = self.factory.clock
            self.drip.start(1)

    def connectionLost(self, reason=connectionDone):
        self.drip.stop()


class Case(SynchronousTestCase):
    """A peer that downloads, and an RS that lists others."""

    def setUp(self):
        self.network = Network()
        self.registry = SynchronousRegistry(7200, self.network.seconds, self.network.seconds)
        self.network.servers[RS] = RSFactory(self.network, self.registry.store, TrustedNetworks([]))
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.into = self.folder / "into"
        self.factory = self.make("mine")
        self.events = Publisher()
        reactor: Any = self.network
        registration = Registration(reactor, RsFinder(reactor, [RS]), 4394, self.folder, self.events)
        index = self.factory.content_store.index = DistributedIndex()
        self.discovery = Discovery(reactor, registration, index, self.network.seconds, self.events)
        downlink = Throttle(self.network, self.network.seconds, None)
        self.manager = DownloadManager(
            reactor, self.factory, self.discovery, downlink, self.network.seconds, self.events
        )
        self.discovery.startService()
        self.addCleanup(self.stop)

    def make(self, name, **files):
        made = []
        coroutine = make_factory(self.folder / name, files, self.network, self.network.seconds, self.network)
        Deferred.fromCoroutine(coroutine).addCallback(lambda factory: made.append(factory))
        self.network.settle()
        self.addCleanup(made[0].content_store.library.stop)
        return made[0]

    def stop(self):
        self.manager.stopService()
        self.discovery.stopService()
        self.network.settle()

    def peer(self, number, **files):
        """Start a peer that shares `files`; return its server."""
        factory = self.make(str(number), **files)
        factory.content_store.port = at(number)[1]
        return self.serve(number, factory)

    def serve(self, number, factory):
        self.network.servers[at(number)] = factory
        host, port = at(number)
        self.registry.register(host, port, None, True)
        return factory

    def fetch(self, *names, seconds=10, **more):
        """Return a download as it is after `seconds`; without names, of all documents."""
        arguments = {"directory": self.into, "overwrite": False, **more}
        download = self.manager.start(list(names) or None, **arguments)
        self.network.wait(seconds)
        return download

    def errors(self, download):
        """Return the kind of error of each failed file."""
        return {file.name: file.error.kind for file in download.files if file.error is not None}

    def share_own(self, data):
        """Let this peer share a file with this content; return its path."""
        own = self.folder / "mine" / "own"
        own.write_bytes(data)
        self.factory.content_store.library.scan()
        self.network.settle()
        return own

    def files(self):
        """Return the files in place by name: the content, or its hash if it is long."""
        return {path.name: shown(path.read_bytes()) for path in self.into.iterdir()}


class Downloads(Case):
    """Documents that others have."""

    def test_all_that_others_have(self):
        self.peer(1, big=BIG, one=b"1", none=b"")
        self.peer(2, big=BIG, two=b"22")
        download = self.fetch()
        self.assertEqual((download.state, self.errors(download)), (DONE, {}))
        self.assertEqual(self.files(), {"big": shown(BIG), "one": b"1", "two": b"22", "none": b""})
        self.assertEqual(self.factory.content_store.parts, {})

    def test_events_of_a_download(self):
        self.peer(1, big=BIG, one=b"1")
        for swarm in (True, False):
            published: list[Event] = []
            unsubscribe = self.events.subscribe(Event, published.append)
            download = self.fetch("one", "big", "nothing", swarm=swarm)
            unsubscribe()
            published = [event for event in published if hasattr(event, "download")]
            self.assertEqual(published[0], DownloadStarted(download.id, ("one", "big", "nothing"), self.into))
            ended = FileEnded(download.id, "nothing", FAILED, "no-holder", "no peer has nothing")
            self.assertIn(ended, published)
            self.assertEqual(published[-1], DownloadEnded(download.id, FAILED))
            for name, size in (("one", 1), ("big", len(BIG))):
                named: list[Any] = [event for event in published if getattr(event, "name", "") == name]
                first, *progress, last = named
                self.assertEqual(first, FileStarted(download.id, name))
                self.assertEqual({event.source for event in progress}, {at(1)})
                self.assertEqual(sum(event.size for event in progress), size)
                self.assertEqual((last.state, last.size, last.sources), (DONE, size, (at(1),)))
            shutil.rmtree(self.into)

    def test_again_and_it_is_there(self):
        self.peer(1, big=BIG)
        self.fetch("big")
        before = (self.into / "big").stat()
        download = self.fetch("big")
        self.assertEqual((download.state, [file.state for file in download.files]), (DONE, ["there"]))
        self.assertEqual((self.into / "big").stat(), before)

    def test_one_that_no_peer_has(self):
        self.peer(1, one=b"1")
        download = self.fetch("one", "nothing")
        self.assertEqual((download.state, self.errors(download)), (FAILED, {"nothing": "no-holder"}))
        self.assertEqual(self.files(), {"one": b"1"})

    def test_a_name_that_is_taken(self):
        self.peer(1, big=BIG, one=b"1")
        self.into.mkdir()
        for name in ("big", "one"):
            (self.into / name).write_bytes(b"mine")
        download = self.fetch("big", "one")
        self.assertEqual(self.errors(download), {"big": "exists", "one": "exists"})
        self.assertEqual(self.files(), {"big": b"mine", "one": b"mine"})
        download = self.fetch("big", "one", overwrite=True)
        self.assertEqual((download.state, self.files()), (DONE, {"big": shown(BIG), "one": b"1"}))

    def test_only_the_file_that_was_seen_is_replaced(self):
        """By a swarm, and by copying; a change is noticed at the start, and when the document is complete."""
        self.peer(1, big=BIG, copy=BIG)
        self.into.mkdir()
        for late in (False, True):
            for name in ("big", "copy"):
                (self.into / name).write_bytes(b"mine")
            replaces = {name: stamp_of((self.into / name).stat()) for name in ("big", "copy")}
            changed = (self.into / "big") if late else (self.into / "copy")
            if late:
                self.events.subscribe(PieceVerified, lambda _: (self.into / "big").write_bytes(b"changed"))
            else:
                changed.write_bytes(b"changed")
            download = Download("1", ["big", "copy"], self.into, True, replaces=replaces)
            self.manager.add(download)
            self.network.wait(10)
            self.assertEqual(self.errors(download), {changed.name: "exists"})
            self.assertEqual(changed.read_bytes(), b"changed")
            self.assertEqual({shown(path.read_bytes()) for path in self.into.iterdir()}, {b"changed", shown(BIG)})

    def test_one_content_that_was_chosen_before(self):
        self.peer(1, big=BIG)
        self.peer(2, big=OTHER)
        for data in (BIG, OTHER):
            contents = {"big": hashlib.sha256(data).hexdigest()}
            download = Download("1", ["big"], self.into, True, contents=contents)
            self.manager.add(download)
            self.network.wait(10)
            self.assertEqual((download.state, self.files()), (DONE, {"big": shown(data)}))

    def test_two_names_of_the_same_content(self):
        """It is fetched once, by a swarm or whole, and copied."""
        factory = self.peer(1, big=BIG, copy=BIG, third=BIG)
        for swarm in (True, False):
            factory.uploaded = 0
            download = self.fetch(overwrite=True, swarm=swarm)
            self.assertEqual(
                (download.state, self.files()), (DONE, {"big": shown(BIG), "copy": shown(BIG), "third": shown(BIG)})
            )
            self.assertEqual(factory.uploaded, len(BIG))
            received = [transfer.size for file in download.files for transfer in file.transfers.values()]
            self.assertEqual(sum(received), len(BIG))
            if swarm:
                found = details(download, 0.0)
                self.assertEqual((found.received, found.duplicate), (len(BIG), 0))
                self.assertEqual((found.bytes_done, found.bytes_total), (3 * len(BIG), 3 * len(BIG)))
            shutil.rmtree(self.into)

    def test_content_in_the_folder_under_another_name(self):
        factory = self.peer(1, big=BIG, copy=BIG)
        self.fetch("big")
        factory.uploaded = 0
        download = self.fetch("big", "copy")
        self.assertEqual([file.state for file in download.files], ["there", DONE])
        self.assertEqual((self.files(), factory.uploaded), ({"big": shown(BIG), "copy": shown(BIG)}, 0))

    def test_content_that_this_peer_shares_under_another_name(self):
        factory = self.peer(1, big=BIG)
        self.share_own(BIG)
        download = self.fetch("big")
        self.assertEqual((download.state, self.files(), factory.uploaded), (DONE, {"big": shown(BIG)}, 0))

    def test_content_that_this_peer_shared_until_now(self):
        """Its file has changed since the last scan: the copy is wrong, and the content is fetched."""
        factory = self.peer(1, big=BIG)
        own = self.share_own(BIG)
        own.write_bytes(OTHER)
        self.patch(self.factory.content_store.library, "open", lambda file: os.open(own, os.O_RDONLY))
        download = self.fetch("big")
        self.assertEqual((download.state, self.files(), factory.uploaded), (DONE, {"big": shown(BIG)}, len(BIG)))

    def test_a_second_name_where_the_first_cannot_be_written(self):
        self.peer(1, aaa=BIG, bbb=BIG)
        self.into.mkdir()
        (self.into / "aaa").write_bytes(b"mine")
        (self.into / "bbb.part").mkdir()
        download = self.fetch("aaa", "bbb")
        self.assertEqual(self.errors(download), {"aaa": "exists", "bbb": "unwritable"})
        (self.into / "bbb.part").rmdir()
        (self.into / "aaa").unlink()
        (self.into / "aaa.part").mkdir()
        download = self.fetch("aaa", "bbb")
        self.assertEqual(self.errors(download), {"aaa": "unwritable"})
        self.assertEqual((self.into / "bbb").read_bytes(), BIG)

    def test_names_of_a_content_that_no_peer_gives_fail_together(self):
        index = record("aaa", b"1") + record("bbb", b"1") + record("ccc", b"1")
        self.serve(1, ScriptedFactory(v11(index)))
        download = self.fetch(seconds=40)
        self.assertEqual(len({file.error for file in download.files}), 1)
        self.assertEqual([file.state for file in download.files], [FAILED] * 3)

    def test_times_are_kept(self):
        """By a swarm, whole and by copying."""
        self.peer(1, big=BIG, copy=BIG, small=b"1")
        for swarm in (True, False):
            download = self.fetch(swarm=swarm)
            self.assertEqual(download.state, DONE)
            times = {path.name: path.stat().st_mtime for path in self.into.iterdir()}
            self.assertEqual(times, dict.fromkeys(("big", "copy", "small"), MODIFIED))
            shutil.rmtree(self.into)

    def test_times_of_unfinished_files_are_passed_on(self):
        content = Document(3).content(self.folder)
        self.addCleanup(content.close)
        content.accept_list(Document(3).digests)
        content.write(0, Document(3).piece(0))
        content.keep(0)
        content.add_modified(MODIFIED)
        self.factory.content_store.serve(content)
        connection, transport = connect(self.factory)
        get = GetFile("document.bin", (0, PIECE - 1), content.sha256)
        connection.dataReceived(encode_request(Request(get, Version.V11, "h", "o"), True))
        self.assertIn(b"\nModified: 2026-11-26 02:20:11\n", transport.value())

    def test_a_download_from_a_1_0_peer(self):
        host, port = at(1)
        index = f"old\ttxt\tTitle\t{host}\t{port}\t7200\n".encode()
        answer = lambda said: HEAD_10 + (index if said.startswith(b"GET INDEX") else b"its text")  # noqa: E731
        self.serve(1, ScriptedFactory(answer))
        download = self.fetch("old.txt")
        self.assertEqual((download.state, self.files()), (DONE, {"old.txt": b"its text"}))

    def test_a_dripping_1_0_peer_does_not_delay_others(self):
        for number in (1, 2):
            host, port = at(number)
            index = f"doc{number}\t\tTitle\t{host}\t{port}\t7200\n".encode()
            answer = lambda said, index=index: HEAD_10 + (index if said.startswith(b"GET INDEX") else b"text")  # noqa: E731
            self.serve(number, ScriptedFactory(answer))
        self.discovery.refresh()
        self.network.settle()
        dripping: Any = Factory.forProtocol(Dripping)
        self.network.servers[at(1)] = dripping
        dripping.clock = self.network
        download = self.fetch("doc1", "doc2", seconds=5)
        self.assertEqual({file.name: file.state for file in download.files}, {"doc1": "running", "doc2": DONE})
        self.network.wait(40)
        self.assertEqual(self.errors(download), {"doc1": "peers-failed"})

    def test_a_copy_waits_for_the_place_and_fails_with_it(self):
        self.peer(1, aaa=BIG, bbb=BIG)
        self.share_own(BIG)
        self.into.mkdir()
        part = PartFile(Target(self.into, "aaa"))
        (self.into / "bbb.part").mkdir()
        download = self.fetch("aaa", "bbb")
        self.assertEqual((download.has_ended, self.errors(download)), (False, {"bbb": "unwritable"}))
        part.discard()
        self.network.wait(2)
        self.assertEqual((self.into / "aaa").read_bytes(), BIG)

    def test_something_in_place_of_the_document_that_is_not_a_file(self):
        self.peer(1, folder=BIG, link=BIG, other=BIG)
        (self.into / "folder").mkdir(parents=True)
        (self.into / "link").symlink_to(self.folder)
        download = self.fetch("folder", "link", overwrite=True)
        self.assertEqual(self.errors(download), {"folder": "exists"})
        self.assertEqual((self.into / "link").read_bytes(), BIG)

    def test_names_and_folders_that_are_refused(self):
        for names in ([], ["../up"]):
            with self.assertRaises(ValueError):
                self.manager.start(names, self.into, False)
        self.assertEqual(self.manager.downloads, {})

    def test_the_last_ones_are_remembered(self):
        self.patch(manager, "MAX_ENDED", 2)
        downloads = [self.fetch("nothing", seconds=1) for _ in range(5)]
        self.assertEqual(list(self.manager.downloads.values()), downloads[-3:])
        self.assertFalse(self.manager.cancel(downloads[-1].id), "it has ended")

    def test_an_error_in_this_program(self):
        def fail(runner):
            raise RuntimeError("made to fail")

        self.peer(1, one=b"1")
        self.patch(DownloadRunner, "run", fail)
        download = self.fetch("one")
        self.assertEqual((download.state, self.errors(download)), (FAILED, {"one": "peers-failed"}))
        self.assertIn("an internal error", str(download.error))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_only_from_those_that_are_named(self):
        self.peer(1, doc=BIG)
        self.peer(2, doc=OTHER)
        for number, data in ((1, BIG), (2, OTHER), (1, BIG)):
            download = self.fetch("doc", overwrite=True, holders=[at(number)])
            self.assertEqual((download.state, self.files()), (DONE, {"doc": shown(data)}))

    def test_a_stopped_download_is_resumed(self):
        """Stop it when two of its five pieces are here."""
        factory = self.peer(1, big=BIG)
        pieces = []

        def verified(event: PieceVerified) -> None:
            pieces.append(event.piece)
            if len(pieces) == 2:
                self.manager.cancel(*self.manager.downloads)

        self.events.subscribe(PieceVerified, verified)
        download = self.fetch("big")
        self.assertEqual((download.state, len(pieces)), (CANCELLED, 2))
        self.assertEqual(set(self.files()), {"big.part", "big.part.state"})
        self.assertEqual(self.factory.content_store.parts, {})
        factory.uploaded = 0
        download = self.fetch("big")
        self.assertEqual((download.state, self.files()), (DONE, {"big": shown(BIG)}))
        self.assertEqual((sorted(pieces), factory.uploaded), ([0, 1, 2, 3, 4], len(BIG) - 2 * MIN_PIECE))

    def test_a_paused_download_goes_on_where_it_was(self):
        """Pause it when two of the five pieces of the second file are here."""
        factory = self.peer(1, small=b"1", big=BIG)
        pieces, states = [], []

        def verified(event: PieceVerified) -> None:
            if event.size > 1:
                pieces.append(event.piece)
            if len(pieces) == 2:
                self.assertTrue(self.manager.pause(*self.manager.downloads))

        self.events.subscribe(PieceVerified, verified)
        self.events.subscribe(DownloadEnded, lambda event: states.append(event.state))
        download = self.fetch("small", "big")
        self.assertEqual((download.state, download.has_ended, states), (PAUSED, False, [PAUSED]))
        self.assertFalse(self.manager.pause(download.id) or self.manager.retry(download.id))
        factory.uploaded = 0
        self.assertTrue(self.manager.resume(download.id))
        self.network.wait(10)
        self.assertEqual((download.state, self.files()), (DONE, {"small": b"1", "big": shown(BIG)}))
        self.assertEqual((sorted(pieces), factory.uploaded), ([0, 1, 2, 3, 4], len(BIG) - 2 * MIN_PIECE))
        self.assertEqual([file.name for file in download.files], ["small", "big"])
        self.assertFalse(self.manager.resume(download.id) or self.manager.retry(download.id))

    def test_a_paused_download_is_cancelled(self):
        self.peer(1, big=BIG)
        self.events.subscribe(PieceVerified, lambda _: self.manager.pause(*self.manager.downloads))
        download = self.fetch("big")
        self.assertTrue(self.manager.cancel(download.id))
        self.assertEqual((download.state, download.has_ended), (CANCELLED, True))
        self.assertFalse(self.manager.cancel(download.id) or self.manager.resume(download.id))

    def test_what_failed_is_tried_again(self):
        self.peer(1, one=b"1")
        download = self.fetch("one", "two")
        self.assertEqual((download.state, self.errors(download)), (FAILED, {"two": "no-holder"}))
        self.peer(2, two=b"2")
        self.assertTrue(self.manager.retry(download.id))
        self.network.wait(10)
        self.assertEqual((download.state, self.files()), (DONE, {"one": b"1", "two": b"2"}))

    def test_two_downloads_of_one_document(self):
        """Fetch it into two folders: its pieces are served from the first as long as that goes on."""
        self.peer(1, big=BIG)
        self.discovery.refresh()
        self.network.settle()
        parts, served = self.factory.content_store.parts, []
        self.patch(
            self.factory.index_feed, "piece_verified", lambda content, *_: served.append(content.target.path.parent)
        )
        downloads = [self.manager.start(["big"], self.folder / folder, False) for folder in ("into", "other")]
        [content] = parts.values()
        self.assertEqual(content.target.path.parent, self.into)
        self.manager.cancel(downloads[1].id)
        self.assertEqual(list(parts.values()), [content])
        downloads.append(self.manager.start(["big"], self.folder / "third", False))
        self.manager.cancel(downloads[0].id)
        self.assertEqual(parts, {})
        self.network.wait(10)
        self.assertEqual([download.state for download in downloads], [CANCELLED, CANCELLED, DONE])
        self.assertEqual((served, parts), ([self.folder / "third"] * 5, {}))


class Trouble(Case):
    """Names and folders that cannot be written to: only the files concerned fail."""

    def test_a_name_that_no_file_can_have(self):
        """One hostile record among those that `get --all` fetches."""
        long, deep = "n" * 300, "/".join(["d" * 100] * 10)
        index = record(long, b"1") + record(deep, b"1") + record("../up", b"1") + record(".hidden", b"1")
        index += record("-rf", b"1") + record("~/x", b"1") + record("a\u202egpj.exe", b"1")
        self.serve(1, ScriptedFactory(v11(index)))
        self.peer(2, one=b"1", big=BIG)
        self.into.mkdir()
        download = self.fetch(seconds=40)
        self.assertEqual(set(download.skipped), {long, "../up", ".hidden", "-rf", "~/x", "a\u202egpj.exe"})
        self.assertEqual(set(self.errors(download)) - {deep}, set())
        self.assertEqual({file.name for file in download.files if file.state == DONE}, {"one", "big"})
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name == "up"], [])

    def test_the_longest_names_that_a_file_can_have(self):
        """They leave no room for `.part` or `.part.state`."""
        factory = self.peer(1)
        names = ["n" * 244, "o" * 245, "p" * 250, "q" * 251, "r" * 255, "\u00e9" * 127]
        for name in names:
            (self.folder / "1" / name).write_bytes(BIG + name.encode())
        factory.content_store.library.scan()
        self.network.settle()
        for swarm in (True, False):
            download = self.fetch(swarm=swarm)
            self.assertEqual((download.state, self.errors(download)), (DONE, {}))
            self.assertEqual(self.files(), {name: shown(BIG + name.encode()) for name in names})
            shutil.rmtree(self.into)

    def test_a_folder_that_no_file_can_be_in(self):
        self.peer(1, one=b"1")
        (self.folder / "file").write_bytes(b"")
        for name in ("n" * 300, "file"):
            with self.assertRaises(ValueError):
                self.manager.start(["one"], self.folder / name, False)
        download = self.fetch("one", directory=self.folder / "file" / "below")
        self.assertEqual(self.errors(download), {"one": "unwritable"})


class LargeSwarm(Case):
    """The RS lists so many peers that this one is in touch with a few only."""

    def setUp(self):
        super().setUp()
        for number in range(1_000):
            self.registry.register(f"10.0.{number // 250 + 1}.{number % 250 + 1}", 4000, None, True)

    def test_the_holders_of_which_others_tell_are_asked_before_a_file_fails(self):
        self.peer(1, big=BIG)
        self.discovery.refresh()
        self.network.settle()
        self.assertTrue(self.discovery.retelling.is_on)
        factory = self.peer(99, big=BIG)
        told = self.discovery.index.holders_of("big", self.network.seconds())
        self.assertEqual([(one.host, one.port) for one in told], [at(1)])
        told = [replace(told[0], host=at(99)[0], port=at(99)[1])]
        self.discovery.index.learn(at(3), told, self.network.seconds())
        (self.folder / "1" / "big").unlink()
        download = self.fetch("big", seconds=30)
        self.assertEqual((download.state, self.files()), (DONE, {"big": shown(BIG)}))
        self.assertEqual(factory.uploaded, len(BIG))


class SamePlace(Case):
    """Two downloads that would write to the same place: the second waits for the first."""

    def download_manager(self, *holders, overwrite=False):
        self.discovery.refresh()
        self.network.settle()
        return [self.manager.start(["doc"], self.into, overwrite, holders=[at(number)]) for number in holders]

    def test_for_the_same_content(self):
        factory = self.peer(1, doc=BIG)
        downloads = self.download_manager(1, 1)
        self.network.wait(5)
        self.assertEqual([download.state for download in downloads], [DONE, DONE])
        self.assertEqual([download.files[0].state for download in downloads], [DONE, "there"])
        self.assertEqual((self.files(), factory.uploaded), ({"doc": shown(BIG)}, len(BIG)))

    def test_for_other_content(self):
        self.peer(1, doc=BIG)
        self.peer(2, doc=OTHER)
        downloads = self.download_manager(1, 2)
        self.network.wait(5)
        self.assertEqual([download.state for download in downloads], [DONE, FAILED])
        self.assertEqual((self.errors(downloads[1]), self.files()), ({"doc": "exists"}, {"doc": shown(BIG)}))
        downloads = self.download_manager(2, 1, overwrite=True)
        self.network.wait(5)
        self.assertEqual([download.state for download in downloads], [DONE, DONE])
        self.assertEqual(self.files(), {"doc": shown(BIG)})

    def test_when_the_first_is_stopped_the_second_goes_on(self):
        self.peer(1, doc=BIG)
        first, second = self.download_manager(1, 1)
        self.manager.cancel(first.id)
        self.network.wait(5)
        self.assertEqual((first.state, second.state, self.files()), (CANCELLED, DONE, {"doc": shown(BIG)}))

    def test_each_waits_for_what_the_other_has(self):
        self.peer(1, one=BIG, two=OTHER)
        self.discovery.refresh()
        self.network.settle()
        downloads = [self.manager.start(names, self.into, False) for names in (["one", "two"], ["two", "one"])]
        self.network.wait(5)
        self.assertEqual([download.state for download in downloads], [DONE, DONE])
        self.assertEqual(len(self.manager._parts.claims), 0)


class SamePlaceElsewhere(Case):
    """Another process writes to the same place."""

    def setUp(self):
        super().setUp()
        self.peer(1, big=BIG)
        self.into.mkdir()

    def held(self):
        """Return the .part file of `big`, held as if by another process."""
        part = PartFile(Target(self.into, "big"))
        self.addCleanup(part.close)
        return part

    def test_it_is_waited_for(self):
        for swarm in (True, False):
            part = self.held()
            download = self.fetch("big", swarm=swarm)
            self.assertEqual((download.has_ended, self.errors(download)), (False, {}))
            part.discard()
            (self.into / "big").write_bytes(BIG)
            self.network.wait(2)
            self.assertEqual((download.state, [file.state for file in download.files]), (DONE, ["there"]))
            (self.into / "big").unlink()

    def test_a_file_of_a_process_that_ended_is_resumed(self):
        for swarm in (True, False):
            part = self.held()
            download = self.fetch("big", swarm=swarm)
            part.close()
            self.network.wait(2)
            self.assertEqual((download.state, self.files()), (DONE, {"big": shown(BIG)}))
            (self.into / "big").unlink()

    def test_the_other_process_finishes_first_with_the_same_content(self):
        def verified(event: PieceVerified) -> None:
            (self.into / "big").write_bytes(BIG)

        self.events.subscribe(PieceVerified, verified)
        download = self.fetch("big")
        self.assertEqual((download.state, [file.state for file in download.files]), (DONE, ["there"]))

    def test_the_other_process_finishes_first_with_other_content(self):
        def verified(event: PieceVerified) -> None:
            (self.into / "big").write_bytes(OTHER)

        self.events.subscribe(PieceVerified, verified)
        download = self.fetch("big")
        self.assertEqual((self.errors(download), self.files()), ({"big": "exists"}, {"big": shown(OTHER)}))

    def test_stopped_while_it_waits(self):
        self.held()
        download = self.fetch("big")
        self.manager.cancel(download.id)
        self.network.wait(2)
        self.assertEqual(download.state, CANCELLED)


class Contents(Case):
    """Several contents of one name: the user must choose one."""

    def setUp(self):
        super().setUp()
        self.peer(1, doc=BIG, one=b"1")
        self.peer(2, doc=OTHER)

    def test_an_ambiguous_name_is_refused(self):
        download = self.fetch("doc", "one")
        self.assertEqual((self.errors(download), self.files()), ({"doc": "ambiguous"}, {"one": b"1"}))
        [error] = [file.error for file in download.files if file.error is not None]
        for data, number in ((BIG, 1), (OTHER, 2)):
            host, port = at(number)
            self.assertIn(f"@{hashlib.sha256(data).hexdigest()[:8]} ({len(data)} bytes, at {host}:{port})", str(error))

    def test_a_download_of_all_skips_it(self):
        """Any peer may offer another content under a name; the download of all must go on."""
        download = self.fetch()
        self.assertEqual((download.state, self.files()), (DONE, {"one": b"1"}))
        self.assertIn("there are 2 contents of this name", download.skipped["doc"])

    def test_chosen_by_the_beginning_of_its_hash(self):
        for data in (BIG, OTHER):
            for digits in (8, 64):
                download = self.fetch(f"doc@{hashlib.sha256(data).hexdigest()[:digits]}", overwrite=True)
                self.assertEqual((download.state, self.files()), (DONE, {"doc": shown(data)}))
        download = self.fetch("doc@" + "0" * 8)
        self.assertEqual(self.errors(download), {"doc": "no-holder"})

    def test_a_name_that_looks_like_a_choice(self):
        name = f"doc@{hashlib.sha256(BIG).hexdigest()[:8]}"
        self.peer(3, **{name: b"by this very name", "a@b": b"2"})
        download = self.fetch(name, "a@b")
        self.assertEqual((download.state, self.files()), (DONE, {name: b"by this very name", "a@b": b"2"}))


class Changing(Case):
    """The files of a holder change while they are fetched."""

    def halfway(self, act):
        """Call `act` when two pieces of `big` are here."""
        pieces = []

        def verified(event: PieceVerified) -> None:
            pieces.append(event.piece)
            if len(pieces) == 2:
                act()

        self.events.subscribe(PieceVerified, verified)

    def share(self):
        self.shared = self.peer(1, big=BIG).content_store.library
        return self.folder / "1" / "big"

    def test_touched(self):
        path = self.share()
        self.halfway(lambda: os.utime(path, (0, 0)))
        download = self.fetch("big")
        self.assertEqual((download.state, self.files()), (DONE, {"big": shown(BIG)}))

    def test_touched_when_it_is_fetched_whole(self):
        path = self.share()
        self.discovery.refresh()
        self.network.settle()
        os.utime(path, (0, 0))
        download = self.fetch("big", swarm=False)
        self.assertEqual((download.state, self.files()), (DONE, {"big": shown(BIG)}))

    def test_renamed(self):
        path = self.share()
        library = self.shared

        def rename():
            path.rename(path.with_name("renamed"))
            library.scan()

        self.halfway(rename)
        download = self.fetch("big")
        self.assertEqual((download.state, self.files()), (DONE, {"big": shown(BIG)}))

    def test_removed(self):
        path = self.share()
        self.halfway(path.unlink)
        download = self.fetch("big", seconds=5)
        self.assertEqual((download.state, self.errors(download)), (FAILED, {"big": "no-holder"}))

    def test_replaced_by_something_else(self):
        path = self.share()
        self.halfway(lambda: path.write_bytes(b"of another size"))
        download = self.fetch("big", seconds=5)
        self.assertEqual((download.state, self.errors(download)), (FAILED, {"big": "no-holder"}))

    def test_changed_behind_its_back(self):
        """Its size and time stay the same."""
        path = self.share()

        def change():
            status = path.stat()
            path.write_bytes(OTHER)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        self.halfway(change)
        download = self.fetch("big", seconds=5)
        self.assertEqual((download.state, self.errors(download)), (FAILED, {"big": "checksum"}))

    def test_removed_and_somebody_else_has_it_by_then(self):
        path = self.share()
        other = self.make("2", big=BIG)
        other.content_store.port = at(2)[1]

        def change():
            path.unlink()
            self.serve(2, other)

        self.halfway(change)
        download = self.fetch("big", seconds=10)
        self.assertEqual((download.state, self.files()), (DONE, {"big": shown(BIG)}))
