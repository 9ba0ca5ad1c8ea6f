"""Documents from shares for some: fetched by a member in every way, and never passed on by it."""

from __future__ import annotations

import shutil
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from p2p_twisted.events.types import PieceVerified
from p2p_twisted.library.confidential import Confidential
from p2p_twisted.peer.downloads.model import DONE, FAILED
from p2p_twisted.peer.serving.protocol import PeerConnection
from p2p_twisted.wire.errors import FileNotFound
from tests.peer.downloads.test_runner import BIG, HEAD_10, Case, at, shown
from tests.support.peer_server import connect, make_factory

READERS = frozenset({"me", "another"})


class KnownCaller(PeerConnection):
    """Takes every client for the one with the certificate of this peer."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self.caller = self.caller._replace(name="me")


class Guesser(Protocol):
    """A server of 1.0 that has guessed a name. It gives no hash, and has not got the content."""

    def dataReceived(self, data: bytes) -> None:
        host, port = at(2)
        self.factory.asked.append(data.split(b" P2P_DI")[0].split(b"\n")[0])
        self.transport.write(HEAD_10 + f"secret\t\t\t{host}\t{port}\t7200\n".encode())
        self.transport.loseConnection()


class ConfidenceTests(Case):
    """Peer 1 shares `secret` with this peer and another; the download folder of this peer is shared."""

    def setUp(self) -> None:
        super().setUp()
        self.into = self.folder / "mine"
        self.library = self.factory.content_store.library
        self.library.confidential = Confidential(self.folder / "confidential", self.into)
        self.owner = self.private_peer(1, secret=BIG, small=b"1")

    def private_peer(self, number: int, **files: bytes) -> Any:
        made: list[Any] = []
        coroutine = make_factory(
            self.folder / str(number),
            {f"vault/{name}": data for name, data in files.items()},
            self.network,
            self.network.seconds,
            self.network,
            {"vault": READERS},
        )
        Deferred.fromCoroutine(coroutine).addCallback(made.append)
        self.network.settle()
        self.addCleanup(made[0].content_store.library.stop)
        made[0].content_store.port = at(number)[1]
        made[0].protocol = KnownCaller
        return self.serve(number, made[0])

    def answers(self, reader: str | None) -> list[str]:
        """What this peer answers to somebody else, in all ways to ask for the secret or its hash."""
        hash_ = shown(BIG)
        return [
            self.ask(reader, request)
            for request in (
                "GET FILE\n\nsecret\n\n",
                f"GET FILE\nSHA-256: {hash_}\n\nx\n\n",
                f"GET FILE\nSHA-256: {hash_}\nRange: 0-9\n\nx\n\n",
                f"GET PIECES\nSHA-256: {hash_}\n\n",
                f"GET NEXT\nLength: 67\n\n{hash_} 0\n",
            )
        ]

    def ask(self, reader: str | None, request: str) -> str:
        protocol, transport = connect(self.factory, name=reader)
        first, _, rest = request.partition("\n")
        protocol.dataReceived(f"{first} P2P_DI_1.1\nHost h\nOS o\n{rest}".encode())
        answer: str = transport.received().decode("utf-8", "replace")
        protocol.connectionLost()
        return answer

    def assert_kept(self) -> None:
        for reader in (None, "stranger", "another"):
            self.assertEqual({answer[:3] for answer in self.answers(reader)}, {"100"})
            for request in ("GET INDEX\n\n", "GET INDEX\nSince: 0\n\n"):
                answer = self.ask(reader, request)
                self.assertTrue(answer.startswith("200"))
                self.assertNotIn("secret", answer)
                self.assertNotIn(shown(BIG), answer)

    def test_what_is_fetched_by_a_swarm_or_whole_is_not_shared(self) -> None:
        for swarm in (True, False):
            seen: list[tuple[list[str], str]] = []

            def look(_: PieceVerified, seen: list[tuple[list[str], str]] = seen) -> None:
                seen.append((self.answers("another"), self.ask(None, "GET INDEX\nSince: 0\n\n")))

            unsubscribe = self.events.subscribe(PieceVerified, look)
            download = self.fetch("secret", swarm=swarm, overwrite=True)
            unsubscribe()
            self.assertEqual((download.state, self.errors(download)), (DONE, {}))
            self.assertEqual(shown((self.into / "secret").read_bytes()), shown(BIG))
            self.assertEqual(bool(seen), swarm)
            for answers, index in seen:
                self.assertEqual({answer[:3] for answer in answers}, {"100"})
                self.assertNotIn("have", index)
            self.assert_kept()
            (self.into / "secret").unlink()

    def test_it_stays_so_under_a_new_name_and_after_a_restart(self) -> None:
        self.fetch("secret")
        (self.into / "sub").mkdir()
        (self.into / "secret").rename(self.into / "sub" / "other name")
        self.library.confidential = Confidential(self.folder / "confidential", self.into)
        self.library.scan()
        self.network.settle()
        self.assertIn("sub/other name", self.library.private)
        self.assert_kept()

    def test_it_is_not_told_as_hearsay(self) -> None:
        self.fetch("small")
        known = self.discovery.index.holders_of("secret", self.network.seconds())
        self.assertEqual([record.private for record in known], [True])
        self.assertNotIn("secret", self.ask("another", "GET INDEX\n\n"))
        self.assertNotIn("secret", self.ask(None, "GET INDEX\n\n"))

    def test_a_copy_in_another_shared_folder_is_shared_on_purpose(self) -> None:
        self.fetch("secret")
        other = self.folder / "on purpose"
        other.mkdir()
        shutil.copy(self.into / "secret", other / "secret of mine")
        self.library.add_folder(other)
        self.network.settle()
        self.assertEqual(set(self.library.public), {"secret of mine"})

    def test_what_was_public_before_stays_public(self) -> None:
        own = self.share_own(BIG)
        self.fetch("secret")
        self.library.scan()
        self.network.settle()
        self.assertEqual((set(self.library.public), set(self.library.private)), ({own.name}, {"secret"}))

    def test_a_document_that_somebody_shares_with_all_is_public(self) -> None:
        self.peer(2, secret=BIG)
        self.assertEqual(self.fetch("secret").state, DONE)
        self.assertEqual(set(self.library.public), {"secret"})

    def test_who_guesses_its_name_neither_makes_it_public_nor_is_asked_for_it(self) -> None:
        guesser: Any = Factory.forProtocol(Guesser)
        guesser.asked = []
        self.serve(2, guesser)
        self.assertEqual(self.fetch("secret", swarm=False).state, DONE)
        self.assertEqual(set(guesser.asked), {b"GET INDEX"})
        self.assertEqual({answer[:3] for answer in self.answers("stranger")}, {"100"})
        self.assertEqual(set(self.library.public), set())

    def find_nothing(self, name: str, *_: object) -> None:
        raise FileNotFound("not now")

    def test_who_knows_its_hash_does_not_make_it_public_without_having_it(self) -> None:
        liar = self.peer(2, secret=BIG)
        liar.content_store.find = self.find_nothing
        for swarm in (True, False):
            self.assertEqual(self.fetch("secret", swarm=swarm, overwrite=True).state, DONE)
            self.assertEqual((set(self.library.public), set(self.library.private)), (set(), {"secret"}))
            self.assertEqual({answer[:3] for answer in self.answers("stranger")}, {"100"})
            (self.into / "secret").unlink()

    def test_who_has_it_whole_for_all_makes_it_public(self) -> None:
        self.peer(2, secret=BIG)
        self.owner.content_store.find = self.find_nothing
        self.assertEqual(self.fetch("secret", swarm=False).state, DONE)
        self.assertEqual(set(self.library.public), {"secret"})

    def test_another_name_that_is_public_is_public_by_that_name(self) -> None:
        self.peer(2, known=BIG)
        self.assertEqual((self.fetch("known").state, self.fetch("secret").state), (DONE, DONE))
        self.assertEqual((set(self.library.public), set(self.library.private)), ({"known"}, {"secret"}))

    def test_a_copy_of_it_under_a_name_that_a_stranger_gives_it_is_not_public(self) -> None:
        self.peer(2, bait=BIG)
        self.assertEqual((self.fetch("secret").state, self.fetch("bait").state), (DONE, DONE))
        self.assertEqual((set(self.library.public), set(self.library.private)), (set(), {"secret", "bait"}))

    def test_nothing_is_fetched_that_cannot_be_kept(self) -> None:
        (self.folder / "confidential").unlink()
        (self.folder / "confidential").mkdir()
        download = self.fetch("secret")
        self.assertEqual((download.state, self.errors(download)), (FAILED, {"secret": "unwritable"}))
        self.assertFalse((self.into / "secret").exists())

    def test_no_stranger_is_asked_for_it_by_name(self) -> None:
        stranger = self.peer(2, known=BIG)
        asked: list[str] = []
        find = stranger.content_store.find
        stranger.content_store.find = lambda name, *more: asked.append(name) or find(name, *more)
        self.assertEqual(self.fetch("secret").state, DONE)
        self.assertEqual(asked, [])
