"""Documents of a peer: its own and learnt records, verified pieces of unfinished files, files opened."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.library.cache import HashCache
from p2p_twisted.library.shared import Library
from p2p_twisted.peer.serving.content_store import READ_AGAIN, ContentStore
from p2p_twisted.wire.errors import FileNotFound
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord
from tests.support.fake_sources import PIECE, Document
from tests.support.inline_reactor import InlineReactor

HERE = "10.0.0.1"
FAR = ("10.0.0.7", 4007)
SMALL, BIG = Document(1, seed=1, name="small.txt"), Document(3, seed=2, name="sub/big.bin")
PARTIAL = Document(5, seed=3, name="partial.bin")


class Case(SynchronousTestCase):
    """Each test has a peer with a small file and one of three pieces."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.reactor = cast(Any, InlineReactor())
        for document in (SMALL, BIG):
            self.write(document.name, document.data)
        cache = HashCache(self.folder / "hashes.sqlite")
        self.addCleanup(cache.close)
        self.library = Library(self.reactor, [self.folder / "share"], cache)
        self.successResultOf(self.library.scan())
        self.index = DistributedIndex()
        self.content_store = ContentStore(self.library, self.index, self.reactor.seconds)
        self.content_store.port = 4394

    def write(self, name, data):
        path = self.folder / "share" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def learn(self, name, ttl=TTL, document=SMALL) -> None:
        record = IndexRecord(name, "Far", *FAR, ttl, document.size, document.sha256, document.list_digest)
        self.index.put(FAR, record, self.reactor.seconds())

    def begin(self, *pieces, has_list=True):
        """A download of PARTIAL that has these pieces."""
        content = PARTIAL.content(self.folder)
        self.addCleanup(content.discard)
        if has_list:
            self.assertTrue(content.accept_list(PARTIAL.digests))
        for piece in pieces:
            content.write(piece * PIECE, PARTIAL.piece(piece))
            content.keep(piece)
        self.content_store.serve(content)
        return content


class Unfinished(Case):
    """Verified pieces of an unfinished file are served."""

    def part(self, first, last):
        return self.content_store.part(PARTIAL.sha256, first, last)

    def test_only_verified_pieces(self) -> None:
        content = self.begin(0, 1, 3)
        for first, last in ((0, 0), (0, PIECE - 1), (5, 2 * PIECE - 1), (PIECE, PIECE), (3 * PIECE, 4 * PIECE - 1)):
            self.assertIs(self.part(first, last), content, (first, last))
        for first, last in ((0, 2 * PIECE), (2 * PIECE - 1, 2 * PIECE), (2 * PIECE, 2 * PIECE), (2 * PIECE, 3 * PIECE)):
            self.assertIsNone(self.part(first, last), (first, last))
        for first, last in ((PIECE, 3 * PIECE), (4 * PIECE, PARTIAL.size - 1), (0, PARTIAL.size - 1)):
            self.assertIsNone(self.part(first, last), (first, last))

    def test_up_to_the_last_byte_and_no_further(self) -> None:
        content = self.begin(4)
        self.assertIs(self.part(4 * PIECE, PARTIAL.size - 1), content)
        for last in (PARTIAL.size, 5 * PIECE - 1, 2**63 - 1):
            self.assertIsNone(self.part(4 * PIECE, last))

    def test_nothing_of_others(self) -> None:
        self.begin(0)
        self.assertIsNone(self.content_store.part(BIG.sha256, 0, 0))

    def test_bytes_of_an_unfinished_file(self) -> None:
        content = self.begin(2)
        fd = content.open_piece()
        self.addCleanup(os.close, fd)
        self.assertEqual(os.pread(fd, PIECE, 2 * PIECE), PARTIAL.piece(2))


class Lists(Case):
    """The answer to GET PIECES."""

    def test_the_list_of_a_shared_file(self) -> None:
        self.assertEqual(self.content_store.piece_list(BIG.sha256), BIG.digests)

    def test_the_list_of_a_file_of_one_piece_is_its_hash(self) -> None:
        self.assertEqual(self.content_store.piece_list(SMALL.sha256).hex(), SMALL.sha256)

    def test_the_list_of_an_unfinished_file_as_soon_as_it_is_known(self) -> None:
        content = self.begin(has_list=False)
        with self.assertRaises(FileNotFound):
            self.content_store.piece_list(PARTIAL.sha256)
        content.accept_list(PARTIAL.digests)
        self.assertEqual(self.content_store.piece_list(PARTIAL.sha256), PARTIAL.digests)

    def test_the_list_of_an_unknown_file(self) -> None:
        with self.assertRaises(FileNotFound):
            self.content_store.piece_list("0" * 64)


class Files(Case):
    """Shared files found and opened."""

    def test_files_are_found_by_name_or_by_hash_alone(self) -> None:
        self.assertEqual(self.content_store.find(BIG.name, None).sha256, BIG.sha256)
        for name in (BIG.name, SMALL.name, "no such name", ""):
            self.assertEqual(self.content_store.find(name, BIG.sha256).name, BIG.name)

    def test_an_unknown_file(self) -> None:
        for name, sha256 in (("no such name", None), ("../hashes.sqlite", None), (SMALL.name, "0" * 64)):
            with self.assertRaises(FileNotFound) as caught:
                self.content_store.find(name, sha256)
            self.assertEqual(caught.exception.status, 100)

    def test_opened(self) -> None:
        fd = self.content_store.open(self.content_store.find(BIG.name, None)).fd
        self.addCleanup(os.close, fd)
        self.assertEqual(os.pread(fd, 2 * BIG.size, 0), BIG.data)

    def test_a_removed_or_changed_file_is_refused_and_leaves_the_index(self) -> None:
        for change in (lambda path: path.unlink(), lambda path: path.write_bytes(b"of another size")):
            path = self.write("other.txt", b"other")
            self.successResultOf(self.library.scan())
            file = self.content_store.find("other.txt", None)
            change(path)
            with self.assertRaises(FileNotFound):
                self.content_store.open(file)
            self.reactor.advance(0)
            self.assertIsNot(self.library.get("other.txt"), file)

    def test_a_touched_file_is_refused_with_retry_after(self) -> None:
        path = self.write("other.txt", b"other")
        self.successResultOf(self.library.scan())
        os.utime(path, (0, 0))
        with self.assertRaises(FileNotFound) as caught:
            self.content_store.open(self.content_store.find("other.txt", None))
        self.assertEqual(caught.exception.retry_after, READ_AGAIN)
        self.reactor.advance(0)
        os.close(self.content_store.open(self.content_store.find("other.txt", None)).fd)

    def test_without_a_descriptor_left_it_may_be_asked_for_again(self) -> None:
        def no_descriptor(file) -> None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        self.patch(self.library, "open", no_descriptor)
        with self.assertRaises(FileNotFound) as caught:
            self.content_store.open(self.content_store.find(BIG.name, None))
        self.assertEqual(caught.exception.retry_after, READ_AGAIN)

    def test_no_descriptor_is_lost_in_that(self) -> None:
        folder = Path("/proc/self/fd")
        path = self.write("other.txt", b"other")
        self.successResultOf(self.library.scan())
        file = self.content_store.find("other.txt", None)
        path.write_bytes(b"of another size")
        before = len(list(folder.iterdir()))
        for _ in range(5):
            with self.assertRaises(FileNotFound):
                self.content_store.open(file)
        self.assertLessEqual(len(list(folder.iterdir())), before)

    if not Path("/proc/self/fd").is_dir():
        vars(test_no_descriptor_is_lost_in_that)["skip"] = "no /proc"
