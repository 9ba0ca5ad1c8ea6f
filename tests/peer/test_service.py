"""A whole peer: the folders and ports that it takes, and its life at an RS, with another peer."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet import reactor as twisted_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from p2p_twisted.config.settings import Network, SettingsError, network
from p2p_twisted.config.shares import Share
from p2p_twisted.config.startup import StartError
from p2p_twisted.events.types import (
    DocumentShared,
    DownloadEnded,
    Event,
    IndexReceived,
    Registered,
    RegistrationFailed,
)
from p2p_twisted.peer import service
from p2p_twisted.peer.api_view import ApiView
from p2p_twisted.peer.downloads.model import DONE
from p2p_twisted.peer.service import Peer
from p2p_twisted.peer.settings import PeerSettings
from p2p_twisted.rs.factory import RSFactory
from p2p_twisted.rs.trust import TrustedNetworks
from p2p_twisted.web.api.schema import UnsharedPath, UnsharedPaths
from tests.support.registries import SynchronousRegistry

LOCAL = "tcp:0:interface=127.0.0.1"


reactor: Any = twisted_reactor
"""Typed as a module, it would not pass for a reactor."""


class Case(TestCase):
    timeout = 60

    def setUp(self) -> None:
        self.base = Path(os.path.realpath(self.mktemp()))
        self.state = self.base / "state"
        self.documents = self.base / "documents"
        for folder in (self.state / "inner", self.documents):
            folder.mkdir(parents=True)

    def peer(
        self,
        *share: Path | Share,
        downloads: Path | None = None,
        state: Path | None = None,
        listen: str | None = LOCAL,
        rs_port: int = 1,
        deny: Sequence[Network] = (),
    ) -> Peer:
        """Return a peer that listens."""
        state = state or self.state
        settings = PeerSettings(
            rs_host="127.0.0.1",
            rs_port=rs_port,
            listen=listen,
            deny=deny,
            state_dir=state,
            download_dir=downloads or state / "downloads",
            share=[Share(one) if isinstance(one, Path) else one for one in share],
        )
        peer = Peer(reactor, settings)
        peer.bind()
        self.addCleanup(peer._stop)
        return peer

    def error_of(self, *share: Path | Share, **settings: Any) -> str:
        """Return the error of a peer that cannot start."""
        with self.assertRaises(StartError) as caught:
            self.peer(*share, **settings)
        return str(caught.exception)


class StateFolder(Case):
    """It holds the API key and the cookie."""

    def test_the_state_folder_is_not_shared(self) -> None:
        link = self.base / "link"
        link.symlink_to(self.state)
        for folder in (self.state, self.state / "inner", link, link / "inner"):
            error = self.error_of(folder)
            self.assertIn("holds the state of this peer", error)
            self.assertIn("--state-dir", error)

    def test_the_state_folder_is_not_a_download_folder(self) -> None:
        self.assertIn("holds the state of this peer", self.error_of(downloads=self.state))

    def test_may_hold_the_downloads(self) -> None:
        for folder in (self.state / "downloads", self.state / "downloads" / "sub"):
            folder.mkdir()
            self.peer(folder)
        self.peer(downloads=self.state / "inner")

    def test_the_state_folder_is_not_shared_on_request(self) -> None:
        peer = self.peer(self.documents)
        for folder in (self.state, self.state / "inner"):
            failure = self.failureResultOf(Deferred.fromCoroutine(peer.share(Share(folder))), ValueError)
            self.assertIn("holds the state of this peer", str(failure.value))
        self.assertEqual(list(peer.library.folders), [self.documents, self.state / "downloads"])

    async def test_the_state_folder_is_left_out_of_a_shared_parent(self) -> None:
        (self.state / "api.key").write_text("key")
        (self.base / "a.txt").write_text("a")
        peer = self.peer(self.base)
        (self.state / "downloads" / "b.txt").write_text("b")
        await peer.library.scan()
        self.assertEqual(set(peer.library.files), {"a.txt", "b.txt"})


class Folders(Case):
    """Those that cannot be used are named, with the remedy."""

    def test_a_shared_folder_that_is_not_there(self) -> None:
        self.assertIn("create it, or name another with --share", self.error_of(self.base / "missing"))

    def test_a_download_folder_that_cannot_be_made(self) -> None:
        (self.base / "file").write_text("")
        self.assertIn("--download-dir", self.error_of(downloads=self.base / "file" / "below"))

    def test_a_download_folder_that_may_not_be_written_to(self) -> None:
        self.patch(os, "access", lambda path, mode: False)
        self.assertIn("Permission denied", self.error_of())

    def test_hashes_that_cannot_be_opened(self) -> None:
        (self.state / "hashes.sqlite").mkdir()
        self.assertIn("move it away", self.error_of())

    async def test_a_folder_shared_later(self) -> None:
        peer = self.peer()
        (self.documents / "a.txt").write_text("a")
        await peer.share(Share(self.documents))
        self.assertEqual(set(peer.library.files), {"a.txt"})
        with self.assertRaises(ValueError) as caught:
            await peer.share(Share(self.base / "missing"))
        self.assertIn("name an existing folder", str(caught.exception))


class PrivateShares(Case):
    """Folders for some peers only, who are known by their certificates."""

    def test_without_tls_there_is_none(self) -> None:
        with self.assertRaises(SettingsError) as caught:
            self.peer(Share(self.documents, ("alice",)))
        self.assertIn("--tls", str(caught.exception))

    async def test_without_tls_none_is_added(self) -> None:
        peer = self.peer()
        with self.assertRaises(ValueError) as caught:
            await peer.share(Share(self.documents, ("alice",)))
        self.assertIn("--tls", str(caught.exception))
        self.assertNotIn(self.documents, peer.library.folders)


class Ports(Case):
    """Where it listens."""

    def test_a_port_in_use(self) -> None:
        taken = self.peer(state=self.base / "other")
        error = self.error_of(listen=f"tcp:{taken.content_store.port}:interface=127.0.0.1")
        self.assertIn("Address already in use", error)

    async def test_an_endpoint_that_is_not_tcp(self) -> None:
        with TemporaryDirectory() as short:  # the path of a socket has 107 bytes at most
            for listen in ("tcp", f"unix:{short}/socket"):
                with self.assertRaises(SettingsError):
                    self.peer(listen=listen)
            await deferLater(reactor, 0)  # until that socket is closed

    def test_the_first_free_one(self) -> None:
        taken = self.peer(state=self.base / "other", listen="tcp:0").content_store.port
        self.patch(service, "PORTS", [taken])
        self.assertIn("name a free one with --listen", self.error_of(listen=None))
        self.patch(service, "PORTS", [taken, 0])
        self.assertNotIn(self.peer(listen=None).content_store.port, (0, taken))


class Status(Case):
    async def test_says_what_is_not_shared(self) -> None:
        (self.documents / "link").symlink_to("x")
        peer = self.peer(self.documents)
        view = ApiView(reactor, peer)
        self.assertEqual(view.status().not_shared, UnsharedPaths(0, []))
        await peer.library.scan()
        expected = UnsharedPath(path=f"{self.documents}/link", why="is a link; links are not followed")
        self.assertEqual(view.status().not_shared, UnsharedPaths(1, [expected]))


class Running(Case):
    """At a real RS, over real sockets."""

    def setUp(self) -> None:
        super().setUp()
        self.registry = SynchronousRegistry()
        rs = RSFactory(reactor, self.registry.store, TrustedNetworks([]))
        port = reactor.listenTCP(0, rs, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.rs_port = port.getHost().port

    def event(self, peer: Peer, kind: type[Event]) -> Deferred[Event]:
        """Return a Deferred for the next event of that type."""
        done: Deferred[Event] = Deferred()
        peer.events.subscribe(kind, lambda event: None if done.called else done.callback(event))
        return done

    async def started(self, name: str, *share: Path, **options: Any) -> Peer:
        peer = self.peer(*share, state=self.base / name, rs_port=self.rs_port, **options)
        registered = self.event(peer, Registered)
        peer.startService()
        await registered
        return peer

    async def test_it_registers_fetches_shares_and_leaves(self) -> None:
        (self.documents / "a.txt").write_text("text")
        holder = await self.started("holder", self.documents)
        self.assertEqual(set(holder.library.files), {"a.txt"}, "the folders are read before it registers")
        self.assertEqual(holder.host, "127.0.0.1")
        downloader = self.peer(state=self.base / "downloader", rs_port=self.rs_port)
        known, ended = self.event(downloader, IndexReceived), self.event(downloader, DownloadEnded)
        shared = self.event(downloader, DocumentShared)
        downloader.startService()
        await known
        folder = downloader.settings.download_dir
        download = downloader.download_manager.start(["a.txt"], folder, False)
        self.assertEqual(await ended, DownloadEnded(download.id, DONE))
        self.assertEqual((folder / "a.txt").read_text(), "text")
        self.assertEqual(getattr(await shared, "name", None), "a.txt")
        await downloader.stopService()
        await holder.stopService()
        self.assertEqual([record.active for record in self.registry.records()], [False, False])

    async def test_a_port_that_the_rs_keeps_for_another_is_left(self) -> None:
        taken = self.peer(state=self.base / "free", listen="tcp:0").content_store.port
        self.patch(service, "PORTS", [taken - 2, taken - 1, taken, taken + 1, taken + 2, taken + 3])
        expected = self.peer(state=self.base / "first", listen=None)
        first = expected.content_store.port
        await expected.stopService()
        self.registry.register("127.0.0.1", first)
        peer = await self.started("peer", listen=None)
        self.assertGreater(peer.content_store.port, first)
        self.assertIn(("127.0.0.1", peer.content_store.port), self.registry.active()[0])
        index = b"GET INDEX P2P_DI_1.0\nHost h\nOS o\n\n"
        self.assertIn(b"200 OK", await deferToThread(_exchange, peer.content_store.port, index))
        with self.assertRaises(ConnectionRefusedError):
            await deferToThread(_exchange, first, index)
        await peer.stopService()

    async def test_a_named_port_is_kept_and_tried_again(self) -> None:
        taken = self.peer(state=self.base / "free", listen="tcp:0")
        port = taken.content_store.port
        await taken.stopService()
        self.registry.register("127.0.0.1", port)
        peer = self.peer(state=self.base / "peer", rs_port=self.rs_port, listen=f"tcp:{port}")
        failed = self.event(peer, RegistrationFailed)
        peer.startService()
        self.assertIn("has renewed lately", getattr(await failed, "reason", ""))
        self.assertEqual(peer.content_store.port, port)
        await peer.stopService()

    async def test_addresses_that_may_not_connect_are_reset_but_may_be_connected_to(self) -> None:
        (self.documents / "a.txt").write_text("text")
        holder = await self.started("holder", self.documents)
        downloader = self.peer(state=self.base / "downloader", rs_port=self.rs_port, deny=[network("127.0.0.0/8")])
        known = self.event(downloader, IndexReceived)
        downloader.startService()
        await known
        index = b"GET INDEX P2P_DI_1.0\nHost h\nOS o\n\n"
        self.assertIn(b"\na\ttxt\t", await deferToThread(_exchange, holder.content_store.port, index))
        with self.assertRaises(ConnectionResetError):
            await deferToThread(_exchange, downloader.content_store.port, index)
        await downloader.stopService()
        await holder.stopService()

    async def test_it_registers_while_the_folders_are_still_read(self) -> None:
        self.patch(service, "SCAN_TIMEOUT", 0.01)
        scanned: Deferred[None] = Deferred()
        peer = self.peer(rs_port=self.rs_port)
        self.patch(peer.library, "start", lambda: scanned)
        registered = self.event(peer, Registered)
        peer.startService()
        await registered
        await peer.stopService()

    async def test_stopped_while_the_folders_are_read(self) -> None:
        scanned: Deferred[None] = Deferred()
        peer = self.peer(rs_port=self.rs_port)
        self.patch(peer.library, "start", lambda: scanned)
        peer.startService()
        await peer.stopService()
        scanned.callback(None)
        self.assertEqual(self.registry.records(), [])


def _exchange(port: int, data: bytes) -> bytes:
    """Return all that a server on loopback answers to `data`. Raises ConnectionResetError."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(data)
        return b"".join(iter(lambda: client.recv(65536), b""))
