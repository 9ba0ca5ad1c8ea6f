"""Verifying: small pieces at once, big ones in threads; how much may wait; what becomes of errors and false records."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.swarm import storage as content_module
from p2p_twisted.swarm import verifier as verifier_module
from p2p_twisted.swarm.errors import DiskFull, Unwritable
from p2p_twisted.swarm.verifier import Verifier, in_thread_until_cancelled
from tests.support.fake_sources import PIECE, Document, SlowThreads

OTHER = Document(4, seed=2)


class Case(SynchronousTestCase):
    """Each test has a document of four pieces, and a verifier whose threads work when a test says so."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.threads = cast(Any, SlowThreads())
        self.outcomes, self.hashed = [], []
        self.verifier = Verifier(self.threads)
        self.document = Document(4)
        self.content = self.make(self.document)

    def make(self, document):
        content = document.content(self.folder)
        self.addCleanup(content.close)
        if content.count > 1:
            self.assertTrue(content.accept_list(document.digests))
        return content

    def store(self, *pieces, document=None) -> None:
        """Have the verifier store these pieces of `document`; `outcomes` gets what it says of each."""
        for piece in pieces:
            data = (document or self.document).piece(piece)
            storing = self.verifier.store(self.content, piece, [data[:1000], data[1000:]])
            storing.addErrback(lambda failure: failure.value).addCallback(self.outcomes.append)

    def hash_on(self) -> None:
        """Have the verifier hash what is here; `hashed` gets what it says of the file."""
        hashing = Deferred.fromCoroutine(self.verifier.hash_on(self.content))
        hashing.addErrback(lambda failure: failure.value).addCallback(self.hashed.append)

    def keep(self, *pieces) -> None:
        """The pieces are here and verified."""
        for piece in pieces:
            self.content.write(piece * PIECE, self.document.piece(piece))
            self.content.keep(piece)

    def hash(self) -> None:
        self.hash_on()
        self.threads.run_threads()


class Pieces(Case):
    """Each is hashed, and written if it is right."""

    def test_a_small_one_at_once(self) -> None:
        self.store(0)
        self.assertEqual((self.outcomes, self.threads.work, self.verifier.is_busy), ([True], [], False))
        self.assertEqual(Path(f"{self.content.target.path}.part").read_bytes(), self.document.piece(0))

    def test_a_big_one_in_a_thread(self) -> None:
        """The last piece is the shorter one."""
        self.patch(verifier_module, "INLINE", PIECE - 100)
        self.store(0, 3)
        self.assertEqual((self.outcomes, len(self.threads.work)), ([True], 1))
        self.assertTrue(self.verifier.is_busy)
        self.threads.run_threads()
        self.assertEqual(self.outcomes, [True, True])
        self.assertFalse(self.verifier.is_busy)

    def test_a_wrong_one_is_not_written(self) -> None:
        for inline in (PIECE, 0):
            self.patch(verifier_module, "INLINE", inline)
            self.store(1)
            self.store(1, document=OTHER)
            self.threads.run_threads()
            self.assertEqual(self.outcomes, [True, False])
            self.assertEqual(
                Path(f"{self.content.target.path}.part").read_bytes(), bytes(PIECE) + self.document.piece(1)
            )
            self.outcomes.clear()

    def test_a_failed_write_is_an_outcome(self) -> None:
        Path(f"{self.content.target.path}.part").mkdir()
        for inline in (PIECE, 0):
            self.patch(verifier_module, "INLINE", inline)
            self.store(0)
            self.threads.run_threads()
        self.assertEqual([type(outcome) for outcome in self.outcomes], [Unwritable, Unwritable])
        self.assertFalse(self.verifier.is_busy)

    def test_an_internal_error_is_raised(self) -> None:
        self.patch(verifier_module, "INLINE", 0)
        self.content.digests = None
        self.store(0)
        self.threads.run_threads()
        self.assertEqual([type(outcome) for outcome in self.outcomes], [AssertionError])
        self.assertFalse(self.verifier.is_busy)


class Waiting(Case):
    """Not more than so many bytes may wait to be verified."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(verifier_module, "INLINE", 0)
        self.patch(verifier_module, "MAX_UNVERIFIED", 2 * PIECE)

    def test_it_is_full_while_it_is_too_much(self) -> None:
        self.store(0, 1)
        self.assertFalse(self.verifier.is_full)
        self.store(2)
        self.assertTrue(self.verifier.is_full)
        self.threads.run_threads(1)
        self.assertFalse(self.verifier.is_full)
        self.assertTrue(self.verifier.is_busy)

    def test_a_thread_takes_several_at_a_time(self) -> None:
        """While it is at work the others wait; each has its own outcome."""
        self.patch(verifier_module, "MAX_BATCH", 2)
        self.store(0)
        self.store(1, document=OTHER)
        self.store(2, 3)
        taken = []
        while self.threads.work:
            self.assertEqual(len(self.threads.work), 1)
            self.threads.run_threads(1)
            taken.append(len(self.outcomes))
        self.assertEqual((taken, self.outcomes), ([1, 3, 4], [True, False, True, True]))
        self.assertFalse(self.verifier.is_busy)

    def test_failed_pieces_no_longer_count_as_waiting(self) -> None:
        self.store(0, document=OTHER)
        self.store(1, 2)
        self.assertTrue(self.verifier.is_full)
        self.threads.run_threads(1)
        self.assertFalse(self.verifier.is_full)
        self.patch(os, "pwritev", _no_room)
        self.threads.run_threads()
        self.assertEqual([type(outcome) for outcome in self.outcomes], [bool, DiskFull, DiskFull])
        self.assertFalse(self.verifier.is_busy)


def _no_room(fd, parts, offset) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Cancelled(Case):
    """Work in a thread that nobody waits for any more."""

    def test_a_cancelled_thread_is_told_to_stop(self) -> None:
        seen, fired = [], []
        waiting: Any = in_thread_until_cancelled(self.threads, lambda stop: seen.append(stop.is_set()))
        waiting.addBoth(fired.append)
        waiting.cancel()
        self.threads.run_threads()
        self.assertEqual(seen, [True])
        [failure] = fired
        self.assertIsNotNone(failure.check(CancelledError))

    def test_a_thread_that_was_not_cancelled_is_not_told_to_stop(self) -> None:
        seen = []
        for work in (lambda stop: stop.is_set(), lambda stop: 1 / 0):
            waiting: Any = in_thread_until_cancelled(self.threads, work)
            waiting.addBoth(seen.append)
        self.threads.run_threads()
        self.assertEqual(seen[0], False)
        self.assertIsNotNone(seen[1].check(ZeroDivisionError))


class Whole(Case):
    """The file is hashed while it is received, and verified when it is complete."""

    def test_the_hash_of_the_whole_file(self) -> None:
        self.keep(0, 1, 2, 3)
        self.hash_on()
        self.assertEqual(self.hashed, [])
        self.assertTrue(self.verifier.is_busy)
        self.threads.run_threads()
        self.assertEqual(self.hashed, [True])
        self.assertFalse(self.verifier.is_busy)

    def test_a_whole_file_with_another_hash_than_the_record(self) -> None:
        """The list binds the pieces, and a false record may bind the list to another file's hash."""
        self.document.sha256 = OTHER.sha256
        self.content = self.make(self.document)
        self.keep(0, 1, 2, 3)
        self.hash()
        self.assertEqual(self.hashed, [False])

    def test_only_one_thread_hashes_the_whole_file(self) -> None:
        self.patch(content_module, "HASH_AT_ONCE", PIECE)
        self.keep(0)
        for _ in range(3):
            self.hash_on()
        self.assertEqual(len(self.threads.work), 1)

    def test_pieces_received_during_hashing_are_hashed_next(self) -> None:
        self.patch(content_module, "HASH_AT_ONCE", PIECE)
        self.keep(0)
        self.hash_on()
        self.threads.run_threads(1)
        self.keep(1)
        self.hash_on()
        on_result, work, args, kwargs = self.threads.work.pop()
        result = work(*args, **kwargs)
        self.keep(2, 3)
        self.hash_on()
        self.assertEqual(self.threads.work, [])
        on_result(True, result)
        self.threads.run_threads()
        self.assertCountEqual(self.hashed, [None, None, True])

    def test_waits_until_there_is_enough_to_do(self) -> None:
        self.keep(0, 1, 3)
        self.hash()
        self.assertEqual(self.threads.work, [])
        self.keep(2)
        self.hash()
        self.assertEqual(self.hashed, [None, True])

    def test_pieces_stored_a_moment_ago_are_not_read_again(self) -> None:
        self.patch(verifier_module, "INLINE", 0)
        reads, pread = [], os.pread
        self.patch(os, "pread", lambda fd, length, offset: reads.append(offset // PIECE) or pread(fd, length, offset))
        self.keep(1)
        self.store(0, 2, 3)
        self.threads.run_threads()
        for piece in (0, 2, 3):
            self.content.keep(piece)
        self.hash()
        self.assertEqual((self.hashed, reads), ([True], [1]))

    def test_cannot_be_read_again(self) -> None:
        self.keep(0, 1, 2, 3)
        self.hash_on()
        self.content.close()
        Path(f"{self.content.target.path}.part").unlink()
        Path(f"{self.content.target.path}.part").mkdir()
        self.threads.run_threads()
        self.assertEqual([type(outcome) for outcome in self.hashed], [Unwritable])
        self.assertFalse(self.verifier.is_busy)

    def test_a_file_of_one_piece_is_not_hashed_twice(self) -> None:
        document = Document(1, name="small.bin")
        self.content = self.make(document)
        self.hash()
        self.assertEqual(self.hashed, [None])
        self.store(0, document=document)
        self.content.keep(0)
        self.hash_on()
        self.assertEqual((self.outcomes, self.threads.work), ([True], []))
        self.assertEqual(self.hashed, [None, True])

    def test_an_empty_file_has_the_hash_of_no_bytes(self) -> None:
        for sha256, right in ((Document(0).sha256, True), (OTHER.sha256, False)):
            document = Document(0)
            document.sha256 = sha256
            self.content = self.make(document)
            self.hash_on()
            self.assertEqual(self.hashed.pop(), right)
