"""Private files, asked for in every way that the protocol has: by a reader, by a stranger, and by a client of 1.0."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.peer.serving.index_log import IndexLog
from p2p_twisted.peer.serving.private_follower import AT_ONCE
from p2p_twisted.peer.serving.private_index import BATCH_INTERVAL, MAX_REMEMBERED, split_version
from p2p_twisted.wire.changes import Removed, encode_change
from tests.support.peer_server import connect, make_factory

TWO_PIECES = b"s" * (MIN_PIECE + 10)
SHARED = b"in both folders"
ENVELOPE = "Host 10.153.44.84\nOS Linux\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Case(TestCase):
    """A peer has a public file, and for Alice a file of two pieces and one with the content of the public one."""

    FILES = {"public.txt": SHARED, "vault/secret.txt": TWO_PIECES, "vault/second name.txt": SHARED}

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.clients: dict[str | None, Any] = {}

        async def make() -> None:
            audiences = {"vault": frozenset({"alice"})}
            self.factory = await make_factory(self.folder / "shared", self.FILES, audiences=audiences)
            self.clock = cast(Any, self.factory.clock)
            self.factory.doStart()
            self.addCleanup(self.factory.doStop)
            self.addCleanup(self.factory.index_feed.stop)
            self.addCleanup(self.factory.private_index.stop)

        return Deferred.fromCoroutine(make())

    def ask(self, name: str | None, request: str, version: str = "1.1") -> str:
        """Return the answer to `request`, METHOD DOCUMENT and then headers and data, from the client `name`."""
        protocol, transport = connect(self.factory, name=name)
        first, _, rest = request.partition("\n")
        protocol.dataReceived(f"{first} P2P_DI_{version}\n{ENVELOPE}{rest}".encode())
        return self.read(transport)

    @staticmethod
    def read(transport: Any) -> str:
        answer = b""
        for _ in range(5):  # a follower's answers are written without a producer that pulls
            while transport.producer is not None and not transport.streaming:
                transport.producer.resumeProducing()
            answer += transport.received()
        return answer.decode("utf-8", "replace")

    def follow(self, name: str | None, since: str = "0") -> Any:
        protocol, transport = connect(self.factory, name=name)
        protocol.dataReceived(f"GET INDEX P2P_DI_1.1\n{ENVELOPE}Since: {since}\nFollow: yes\n\n".encode())
        return transport

    async def write(self, name: str, data: bytes | None) -> None:
        path = self.folder / "shared" / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)
        await self.factory.content_store.library.scan()


def index_of(answers: str) -> str:
    """The version of the index that the last of `answers` leads to."""
    return re.findall(r"^Index: (\S+)$", answers, re.MULTILINE)[-1]


class Strangers(Case):
    """To Bob, to somebody without a certificate and to a client of 1.0 with Alice's, private files are not there."""

    def ask_as_strangers(self, request: str) -> list[str]:
        return [self.ask("bob", request), self.ask(None, request), self.ask("Alice", request)]

    def test_no_index_lists_them(self) -> None:
        for request in ("GET INDEX\n\n", "GET INDEX\nSince: 0\n\n", "GET INDEX\nSince: 0\nFollow: yes\n\n"):
            for answer in self.ask_as_strangers(request):
                self.assertIn("public\ttxt", answer)
                self.assertNotIn("secret", answer)
                self.assertNotIn("second name", answer)
                self.assertNotIn(sha256(TWO_PIECES), answer)
                self.assertNotIn("private", answer)
        self.assertNotIn("secret", self.ask("alice", "GET INDEX\n\n", "1.0"))

    def test_a_file_that_is_private_is_answered_as_one_that_is_not_there(self) -> None:
        hashes = sha256(TWO_PIECES), "0" * 64
        requests = [
            [f"GET FILE\n\n{name}\ntxt\n" for name in ("secret", "absent")],
            [f"GET FILE\nSHA-256: {one}\n\nx\ntxt\n" for one in hashes],
            [f"GET FILE\nSHA-256: {one}\nRange: 0-9\n\nx\ntxt\n" for one in hashes],
            [f"GET FILE\nSHA-256: {one}\nRange: 0-99999999\n\nx\ntxt\n" for one in hashes],
            [f"GET PIECES\nSHA-256: {one}\n\n" for one in hashes],
            [f"GET NEXT\nLength: 67\n\n{one} 0\n" for one in hashes],
        ]
        for private, absent in requests:
            for one, other in zip(self.ask_as_strangers(private), self.ask_as_strangers(absent), strict=True):
                self.assertTrue(one.startswith("100 FILE_NOT_FOUND P2P-CI/1.1\n"), one)
                self.assertEqual(one.replace("secret", "absent").replace(*hashes), other)
        name = "GET FILE\n\nsecret\ntxt\n"
        for answer in (self.ask("alice", name, "1.0"), self.ask(None, name, "1.0")):
            self.assertTrue(answer.startswith("100 FILE_NOT_FOUND P2P-CI/1.0\n"), answer)

    def test_so_it_is_while_a_scan_is_under_way(self) -> None:
        library = cast(Any, self.factory.content_store.library)
        library._scanning = True
        self.addCleanup(setattr, library, "_scanning", False)
        one, other = (self.ask("bob", f"GET FILE\n\n{name}\ntxt\n") for name in ("secret", "absent"))
        self.assertIn("Retry-After: 1\n", one)
        self.assertEqual(one.replace("secret", "absent"), other)

    def test_a_content_that_is_public_too_is_served_under_its_public_name_only(self) -> None:
        self.assertIn(SHARED.decode(), self.ask("bob", f"GET FILE\nSHA-256: {sha256(SHARED)}\n\nx\ntxt\n"))
        self.assertTrue(self.ask("bob", "GET FILE\n\nsecond name\ntxt\n").startswith("100 "))

    async def test_no_private_change_moves_a_version_or_is_announced(self) -> None:
        transport = self.follow("bob")
        version = index_of(self.read(transport))
        plain = self.ask("bob", "GET INDEX\n\n")
        await self.write("vault/new.txt", b"new")
        await self.write("vault/new.txt", b"newer")
        await self.write("vault/secret.txt", None)
        self.clock.advance(1)
        self.assertEqual(self.read(transport), "")
        self.assertEqual(self.ask("bob", "GET INDEX\n\n"), plain)
        answer = self.ask("bob", f"GET INDEX\nSince: {version}\n\n")
        self.assertEqual(index_of(answer), version)
        self.assertIn("Length: 0\n", answer)

    async def test_of_a_file_that_becomes_private_they_hear_that_it_is_gone(self) -> None:
        transport = self.follow("bob")
        self.read(transport)
        (self.folder / "shared" / "public.txt").rename(self.folder / "shared" / "vault" / "public.txt")
        await self.factory.content_store.library.scan()
        self.clock.advance(1)
        self.assertTrue(self.read(transport).endswith("\n-\tpublic\ttxt\n"))

    def test_a_reader_s_version_tells_them_nothing(self) -> None:
        version = index_of(self.ask("alice", "GET INDEX\n\n"))
        answer = self.ask("bob", f"GET INDEX\nSince: {version}\n\n")
        self.assertNotIn("Since", answer)
        self.assertNotIn("secret", answer)

    def test_asking_for_the_next_piece_leaves_no_trace(self) -> None:
        request = f"GET NEXT\nLength: 67\n\n{sha256(TWO_PIECES)} 0\n"
        self.ask("bob", request)
        self.assertEqual(self.factory.piece_source.super_seeding._files, {})
        self.assertIn("Range: 0-65535", self.ask("alice", request))
        refused = self.ask("bob", request)
        self.assertEqual(refused, self.ask("bob", request.replace(sha256(TWO_PIECES), "0" * 64)))


class Readers(Case):
    """Alice gets private files in every way in which she gets public ones."""

    def test_the_whole_index(self) -> None:
        for request in ("GET INDEX\n\n", "GET INDEX\nSince: 0\n\n", "GET INDEX\nSince: 0\nFollow: yes\n\n"):
            answer = self.ask("alice", request)
            self.assertIn("public\ttxt", answer)
            self.assertRegex(
                answer, r"secret\ttxt\ts+\t10\.153\.15\.5\t4394\t7200\t65546(\t[0-9a-f]{64}){2}\tprivate\n"
            )
            self.assertRegex(answer, r"second name\ttxt.*\t-\tprivate\n")
            self.assertNotRegex(answer, r"public\ttxt.*\tprivate\n")

    def test_files_and_pieces(self) -> None:
        hash_ = sha256(TWO_PIECES)
        for request in (
            "GET FILE\n\nsecret\ntxt\n",
            f"GET FILE\nSHA-256: {hash_}\n\nx\n\n",
            f"GET FILE\nSHA-256: {hash_}\nRange: 0-9\n\nx\n\n",
            f"GET PIECES\nSHA-256: {hash_}\n\n",
            f"GET NEXT\nLength: 67\n\n{hash_} 1\n",
        ):
            self.assertTrue(self.ask("alice", request).startswith("200 OK P2P-CI/1.1\n"), request)

    async def test_changes_since_a_version(self) -> None:
        before = index_of(self.ask("alice", "GET INDEX\n\n"))
        self.assertIn("Length: 0\n", self.ask("alice", f"GET INDEX\nSince: {before}\n\n"))
        await self.write("vault/new.txt", b"new")
        await self.write("vault/secret.txt", None)
        await self.write("more.txt", b"more")
        answer = self.ask("alice", f"GET INDEX\nSince: {before}\n\n")
        self.assertIn(f"Since: {before}\n", answer)
        lines = sorted(line.split("\t")[0:2] for line in answer.splitlines() if "\t" in line)
        self.assertEqual(lines, [["-", "secret"], ["more", "txt"], ["new", "txt"]])
        self.assertIn("Length: 0\n", self.ask("alice", f"GET INDEX\nSince: {index_of(answer)}\n\n"))

    async def test_what_others_may_know_is_not_among_a_reader_s_changes(self) -> None:
        library = self.factory.content_store.library
        (self.folder / "shared" / "for carol").mkdir()
        await library.add_folder(self.folder / "shared" / "for carol", frozenset({"carol"}))
        alice, carol = self.follow("alice"), self.follow("carol")
        self.read(alice), self.read(carol)
        await self.write("for carol/other.txt", b"other")
        self.clock.advance(1)
        self.assertEqual(self.read(alice), "")
        self.assertIn("other\ttxt", self.read(carol))
        plain = split_version(index_of(self.ask("carol", "GET INDEX\n\n")))[0]
        self.assertNotIn("secret", self.ask("carol", f"GET INDEX\nSince: {plain}\n\n"))

    async def test_each_change_is_announced_to_those_who_follow(self) -> None:
        transport = self.follow("alice")
        before = index_of(self.read(transport))
        await self.write("vault/new.txt", b"new")
        self.clock.advance(BATCH_INTERVAL)
        answer = self.read(transport)
        self.assertIn(f"Since: {before}\n", answer)
        self.assertRegex(answer, r"\nnew\ttxt\t.*\tprivate\n$")
        await self.write("vault/new.txt", None)
        self.clock.advance(BATCH_INTERVAL)
        again = self.read(transport)
        self.assertIn(f"Since: {index_of(answer)}\n", again)
        self.assertTrue(again.endswith("\n-\tnew\ttxt\n"))

    async def test_a_file_that_changes_sides_is_there_all_the_time(self) -> None:
        transport, path = self.follow("alice"), self.folder / "shared"
        known: dict[str, bool] = {}

        def read() -> None:
            for line in self.read(transport).splitlines():
                if line.startswith(("public", "-\tpublic")):
                    known["public"] = line.startswith("public")
                    known["private"] = line.endswith("\tprivate")

        read()
        for there, back in (("public.txt", "vault/public.txt"), ("vault/public.txt", "public.txt")):
            (path / there).rename(path / back)
            await self.factory.content_store.library.scan()
            self.clock.advance(1)
            read()
            self.assertEqual(known, {"public": True, "private": back.startswith("vault")})

    async def test_one_who_is_too_far_behind_gets_everything(self) -> None:
        version = index_of(self.ask("alice", "GET INDEX\n\n"))
        public, private = split_version(version)
        for since in (
            f"{public}.private.{'0' * 12}.1",
            f"{public}.private.{private}9",
            f"{'0' * 12}.1.private.{private}",
        ):
            answer = self.ask("alice", f"GET INDEX\nSince: {since}\n\n")
            self.assertNotIn("Since", answer)
            for name in ("public", "secret", "second name"):
                self.assertIn(f"\n{name}\ttxt\t", answer)

    async def test_many_are_told_in_several_answers_as_fast_as_they_are_read(self) -> None:
        names = {f"many {number}" for number in range(2 * AT_ONCE + 10)}
        for name in names:
            (self.folder / "shared" / "vault" / f"{name}.txt").write_text(name)
        await self.factory.content_store.library.scan()
        transport = self.follow("alice")
        answers = [self.read(transport)]
        transport.producer.pauseProducing()
        self.clock.advance(0)
        self.assertEqual(self.read(transport), "")
        transport.producer.resumeProducing()
        for _ in range(4):
            answers.append(self.read(transport))
            self.clock.advance(0)
        told = [line.split("\t")[0] for line in "".join(answers).splitlines() if line.endswith("\tprivate")]
        self.assertEqual(sorted(told), sorted([*names, "secret", "second name"]))
        self.assertTrue(all(answer.count("\tprivate\n") <= AT_ONCE for answer in answers))
        self.assertNotIn(".private.", answers[0])
        index = index_of("".join(answers))
        self.assertIn(".private.", index)
        self.assertIn(f"Length: 0\nIndex: {index}\n", self.ask("alice", f"GET INDEX\nSince: {index}\n\n"))

    async def test_a_reader_who_had_nothing_to_read_learns_of_the_first_file(self) -> None:
        transport = self.follow("dave")
        version = index_of(self.read(transport))
        (self.folder / "shared" / "for dave").mkdir()
        await self.write("for dave/first.txt", b"first")
        library = self.factory.content_store.library
        await library.add_folder(self.folder / "shared" / "for dave", frozenset({"dave"}))
        self.clock.advance(1)
        answer = self.read(transport)
        self.assertIn("first\ttxt", answer)
        self.assertNotIn("secret", answer)
        self.assertNotIn("private", version)
        self.assertIn(".private.", index_of(answer))


class ChangesTests(TestCase):
    def test_changes_that_are_forgotten(self) -> None:
        changes = IndexLog(MAX_REMEMBERED)
        first = changes.version
        changes.add(["a"])
        second = changes.version
        self.assertEqual((changes.names_since(first), changes.names_since(second)), ({"a"}, set()))
        for number in range(MAX_REMEMBERED):
            changes.add([f"{number}"])
        self.assertIsNone(changes.names_since(first))
        self.assertIsNone(changes.names_since("nonsense"))
        self.assertEqual(changes.names_since(changes.version), set())

    def test_lines_that_only_look_like_private_ones(self) -> None:
        self.assertEqual(split_version("a.1"), ("a.1", ""))
        self.assertEqual(split_version("a.1.private.b.2"), ("a.1", "b.2"))
        self.assertEqual(encode_change(Removed("private")), "-\tprivate\t")
