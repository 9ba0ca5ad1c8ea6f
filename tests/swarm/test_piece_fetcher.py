"""Pieces that are wrong, come twice, are verified in threads, or cannot be written."""

import errno
import os
from pathlib import Path

from p2p_twisted.events.types import PieceVerified
from p2p_twisted.net.errors import Unreachable
from p2p_twisted.swarm import verifier as verifier_module
from p2p_twisted.swarm.errors import (
    AllCorrupt,
    DiskFull,
    DownloadError,
    WrongContent,
)
from p2p_twisted.wire.messages import GetFile
from tests.support.fake_sources import PIECE, Document, FakeSource, SlowThreads
from tests.support.swarm_case import SwarmCase


class BadSources(SwarmCase):
    """One sends wrong pieces, or what is no piece."""

    def test_a_wrong_piece_is_fetched_elsewhere_at_once(self) -> None:
        document = Document(1)
        corrupt, honest = FakeSource(1, [document]), FakeSource(2, [document])
        corrupt.is_corrupt = True
        swarm = self.swarm([document], [], late=[corrupt, honest])
        swarm.add_complete(corrupt, document)
        swarm.add_complete(honest, document)
        self.assertEqual((len(corrupt.outstanding), len(honest.outstanding)), (1, 0))
        corrupt.answer()
        self.assertEqual((len(corrupt.outstanding), len(honest.outstanding)), (0, 1))
        swarm.serve()
        self.assertWhole(swarm, document)
        self.assertEqual(
            swarm.verified, [PieceVerified(document.sha256, 0, document.size, honest.address, super_seeded=False)]
        )

    def test_banned_after_the_third_and_all_is_right_in_the_end(self) -> None:
        document = Document(20)
        corrupt, honest = FakeSource(1, [document]), FakeSource(2, [document])
        corrupt.is_corrupt, honest.serves = True, False
        swarm = self.swarm([document], [corrupt, honest])
        for wrong in (1, 2):
            corrupt.answer()
            self.assertEqual(swarm.swarm.sources[corrupt.address].hash_failures, wrong)
            self.assertIsNone(corrupt.connection.lost)
        corrupt.answer()
        self.assertIsNotNone(corrupt.connection.lost)
        [banned] = swarm.swarm.sources.banned
        self.assertEqual((banned.address, banned.banned), (corrupt.address, "3 hash failures"))
        honest.serves = True
        swarm.serve()
        self.assertWhole(swarm, document)
        self.assertEqual({event.source for event in swarm.verified}, {honest.address})
        self.assertEqual(len(corrupt.connections), 1)

    def test_a_banned_source_gets_no_requests_even_if_it_announces_pieces(self) -> None:
        document = Document(20)
        corrupt, honest = FakeSource(1, [document]), FakeSource(2, [document])
        corrupt.is_corrupt, honest.serves = True, False
        swarm = self.swarm([document], [corrupt, honest])
        corrupt.answer(3)
        asked = len(corrupt.asked)
        swarm.add_complete(corrupt, document)
        swarm.add_pieces(corrupt, document, range(20))
        swarm.advance(*[1] * 10)
        self.assertEqual((len(corrupt.asked), len(corrupt.connections)), (asked, 1))

    def test_a_piece_is_not_requested_again_from_sources_of_a_hash_failure(self) -> None:
        document = Document(2)
        corrupt = FakeSource(1, [document])
        corrupt.is_corrupt = True
        swarm = self.swarm([document], [corrupt])
        swarm.wait(60)
        self.assertEqual(len(swarm.ended), 1)
        self.assertIsInstance(swarm.completed[document.name], DownloadError)
        self.assertLessEqual(len(corrupt.given) + sum(isinstance(m, GetFile) for m in corrupt.asked), 4)

    def test_all_are_corrupt(self) -> None:
        document = Document(10)
        corrupt_ones = [FakeSource(number, [document]) for number in (1, 2, 3)]
        for source in corrupt_ones:
            source.is_corrupt = True
        swarm = self.swarm([document], corrupt_ones)
        swarm.wait(2)
        self.assertEqual(swarm.ended, [None])
        error = swarm.completed[document.name]
        self.assertIsInstance(error, AllCorrupt)
        for source in corrupt_ones:
            self.assertIn(f"10.0.0.1:{source.address[1]}: 3 hash failures", str(error))
        self.assertFalse((self.folder / document.name).exists())

    def test_a_piece_that_was_not_asked_for(self) -> None:
        document, other = Document(10), Document(10, seed=2, name="other.bin")
        answers = {
            "another file": lambda c, r: c.begin(r, other, 0),
            "another size": lambda c, r: c.begin(r, document, 0, size=document.size + 1),
            "no piece": lambda c, r: c.begin(r, document, 0, byte_range=(1, PIECE)),
            "half a piece": lambda c, r: c.begin(r, document, 0, byte_range=(0, 99), length=100),
            "beyond the end": lambda c, r: c.begin(r, document, 0, byte_range=(11 * PIECE, 12 * PIECE - 1)),
            "no length": lambda c, r: c.begin(r, document, 0, length=None),
        }
        for what, answer in answers.items():
            self.folder = Path(self.mktemp())
            self.folder.mkdir()
            odd, honest = FakeSource(1, [document]), FakeSource(2, [document])
            swarm = self.swarm([document], [odd, honest])
            answer(odd.connection, odd.connection.waiting[0])
            self.assertEqual([source.address for source in swarm.swarm.sources.banned], [odd.address], what)
            swarm.serve()
            self.assertWhole(swarm, document)

    def test_a_piece_other_than_the_one_asked_for(self) -> None:
        document = Document(10)
        odd = FakeSource(1, [document])
        swarm = self.swarm([document], [FakeSource(2, [document])], late=[odd])
        swarm.add_pieces(odd, document, [4])
        [request] = odd.connection.waiting
        odd.connection.begin(request, document, 5)
        self.assertEqual([source.address for source in swarm.swarm.sources.banned], [odd.address])
        swarm.serve()
        self.assertWhole(swarm, document)

    def test_a_false_piece_list(self) -> None:
        document, other = Document(10), Document(10, seed=2)
        corrupt, honest = FakeSource(1, [document]), FakeSource(2, [document])
        corrupt.documents = {document.sha256: other}
        swarm = self.swarm([document], [corrupt, honest])
        swarm.wait(2)
        self.assertWhole(swarm, document)
        self.assertEqual([source.address for source in swarm.swarm.sources.banned], [corrupt.address])

    def test_a_list_is_requested_from_the_next_source(self) -> None:
        document = Document(4)
        refuses, gives = FakeSource(1, [document]), FakeSource(2, [document])
        refuses.has_lists = False
        swarm = self.swarm([document], [refuses, gives])
        swarm.wait(2)
        self.assertWhole(swarm, document)

    def test_pieces_right_by_the_list_but_not_the_file(self) -> None:
        """The record binds the hash of one file to the piece list of another."""
        document, other = Document(4), Document(4, seed=2)
        other.sha256 = document.sha256
        source = FakeSource(1, [other])
        document.list_digest = other.list_digest
        swarm = self.swarm([document], [source])
        swarm.serve()
        error = swarm.completed[document.name]
        self.assertIsInstance(error, WrongContent)
        self.assertTrue(error.is_final)
        self.assertIn("the index record is false", str(error))
        self.assertEqual(swarm.ended, [None])
        self.assertFalse((self.folder / document.name).exists())

    def test_an_empty_file_that_should_have_another_hash(self) -> None:
        document = Document(0)
        document.sha256 = Document(1).sha256
        swarm = self.swarm([document], [FakeSource(1, [document])])
        swarm.serve()
        self.assertIsInstance(swarm.completed[document.name], WrongContent)
        self.assertFalse((self.folder / document.name).exists())


class Duplicates(SwarmCase):
    """At the end the same piece is outstanding at two: whoever is first makes the other stop."""

    def outstanding_at_both(self, document):
        """Two sources at which the only piece is outstanding."""
        one, other = FakeSource(1, [document]), FakeSource(2, [document])
        swarm = self.swarm([document], [FakeSource(3, [])], late=[one, other])
        swarm.add_complete(one, document)
        self.assertEqual(len(one.outstanding), 1)
        swarm.add_complete(other, document)
        self.assertEqual(other.outstanding, [])
        swarm.advance(1, 1, 1)
        self.assertEqual(other.outstanding, one.outstanding)
        return swarm, one, other

    def test_the_other_request_is_cancelled(self) -> None:
        document = Document(1)
        swarm, one, other = self.outstanding_at_both(document)
        [request] = other.connection.waiting
        other.connection.begin(request, document, 0)
        self.assertEqual([(c.sha256, c.byte_range) for c in one.cancelled], [(document.sha256, (0, document.size - 1))])
        self.assertEqual(other.cancelled, [])
        other.connection.finish(request, document, 0)
        self.assertWhole(swarm, document)
        self.assertEqual(swarm.swarm.duplicate, 0)

    def test_both_come_all_the_same(self) -> None:
        document, second = Document(1), Document(1, seed=2, name="second.bin")
        one, other, last = FakeSource(1, [document]), FakeSource(2, [document]), FakeSource(3, [second])
        swarm = self.swarm([document, second], [FakeSource(4, [])], late=[one, other, last])
        last.serves = False
        swarm.add_complete(last, second)
        swarm.add_complete(one, document)
        swarm.add_complete(other, document)
        swarm.advance(1, 1, 1)
        other.answer()
        one.answer()
        self.assertEqual(swarm.swarm.duplicate, document.size)
        last.serves = True
        swarm.serve()
        self.assertWhole(swarm, document, second)

    def test_the_first_turns_out_wrong_after_the_other_was_cancelled(self) -> None:
        document = Document(1)
        swarm, one, other = self.outstanding_at_both(document)
        other.is_corrupt = True
        [request] = other.connection.waiting
        other.connection.begin(request, document, 0)
        one.only = set()  # the server refuses what was cancelled
        one.answer()
        one.only = None
        other.connection.finish(request, document, 0)
        swarm.wait(3)
        self.assertWhole(swarm, document)
        self.assertEqual(swarm.pieces, [0])

    def test_the_first_is_lost_after_the_other_was_cancelled(self) -> None:
        document = Document(1)
        swarm, one, other = self.outstanding_at_both(document)
        [request] = other.connection.waiting
        other.connection.begin(request, document, 0)
        one.only = set()
        one.answer()
        one.only = None
        other.refuses_to_connect = Unreachable("away")
        other.lose()
        swarm.wait(3)
        self.assertWhole(swarm, document)


class Threads(SwarmCase):
    """Big pieces are hashed and written in threads, which take their time."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(verifier_module, "INLINE", 0)
        self.threads = SlowThreads()

    def begun(self, pieces, *sources):
        """A download that has looked for what an earlier one left."""
        self.document = Document(pieces)
        sources = sources or (FakeSource(1, [self.document]),)
        for source in sources:
            source.documents = {self.document.sha256: self.document}
        swarm = self.swarm([self.document], sources, reactor=self.threads)
        self.threads.run_threads()
        swarm.answer_lists()
        return swarm

    def test_all_comes_together(self) -> None:
        swarm = self.begun(6)
        while not swarm.ended:
            swarm.serve()
            self.assertTrue(self.threads.work)
            self.threads.run_threads(1)
        self.assertWhole(swarm, self.document)

    def test_sources_wait_while_too_much_is_unverified(self) -> None:
        self.patch(verifier_module, "MAX_UNVERIFIED", 2 * PIECE)
        source = FakeSource(1, [])
        swarm = self.begun(20, source)
        source.answer(2)
        self.assertFalse(source.connection.is_held)
        source.answer()
        self.assertTrue(source.connection.is_held)
        self.threads.run_threads()
        self.assertFalse(source.connection.is_held)
        self.assertTrue(source.outstanding)
        while not swarm.ended:
            swarm.serve()
            self.threads.run_threads()
        self.assertWhole(swarm, self.document)
        self.assertEqual(swarm.swarm.duplicate, 0)

    def test_a_source_that_must_wait_is_not_snubbed(self) -> None:
        self.patch(verifier_module, "MAX_UNVERIFIED", 0)
        source = FakeSource(1, [])
        swarm = self.begun(20, source)
        source.answer()
        self.assertTrue(source.connection.is_held)
        source.serves = False
        swarm.wait(20)
        [source_state] = [one.state for one in swarm.swarm.sources]
        self.assertEqual(source_state, "connected")
        source.serves = True
        while not swarm.ended:
            self.threads.run_threads()
            swarm.serve()
        self.assertWhole(swarm, self.document)

    def test_stopped_while_a_piece_is_being_verified(self) -> None:
        source = FakeSource(1, [])
        swarm = self.begun(1 + 2, source)
        source.answer(3)
        swarm.running.cancel()
        swarm.files[0].close()
        self.threads.run_threads()
        self.assertEqual((swarm.completed, swarm.verified), ({}, []))
        self.assertEqual(len(swarm.ended), 1)
        self.assertFalse((self.folder / self.document.name).exists())
        again = self.begun(3)
        while not again.ended:
            again.serve()
            self.threads.run_threads()
        self.assertWhole(again, self.document)

    def test_a_long_look_at_what_is_there(self) -> None:
        document = Document(4)
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [source], reactor=self.threads)
        swarm.wait(60)
        self.assertEqual(swarm.ended, [])
        self.threads.run_threads()
        while not swarm.ended:
            swarm.serve()
            self.threads.run_threads()
        self.assertWhole(swarm, document)

    def test_the_source_leaves_while_the_last_piece_is_being_verified(self) -> None:
        source = FakeSource(1, [])
        swarm = self.begun(3, source)
        source.answer(3)
        source.refuses_to_connect = Unreachable("away")
        source.lose()
        swarm.wait(60)
        self.assertEqual(swarm.ended, [])
        self.threads.run_threads()
        self.assertWhole(swarm, self.document)


class Disk(SwarmCase):
    """This side's disk is the trouble."""

    def failing(self, number):
        def fail(fd, parts, offset) -> None:
            raise OSError(number, os.strerror(number))

        return fail

    def test_no_room_for_a_piece(self) -> None:
        document, other = Document(3), Document(1, seed=2, name="other.bin")
        source = FakeSource(1, [document, other])
        swarm = self.swarm([document, other], [source])
        pwritev = os.pwritev
        self.patch(os, "pwritev", self.failing(errno.ENOSPC))
        while document.name not in swarm.completed:
            source.answer()
        self.assertIsInstance(swarm.completed[document.name], DiskFull)
        self.patch(os, "pwritev", pwritev)
        swarm.serve()
        self.assertEqual(swarm.ended, [None])
        self.assertFalse((self.folder / document.name).exists())

    def test_no_room_for_the_state(self) -> None:
        document = Document(3)
        write = os.write
        self.patch(os, "write", lambda fd, data: self.failing(errno.ENOSPC)(fd, data, 0))
        swarm = self.swarm([document], [FakeSource(1, [document])])
        swarm.serve()
        self.patch(os, "write", write)
        self.assertIsInstance(swarm.completed[document.name], DiskFull)
        self.assertEqual(swarm.ended, [None])

    def test_a_folder_that_cannot_be_made(self) -> None:
        document = Document(3)
        (self.folder / "file").write_bytes(b"")
        document.name = "file/document.bin"
        swarm = self.swarm([document], [FakeSource(1, [document])])
        swarm.serve()
        error = swarm.completed[document.name]
        self.assertIsInstance(error, DownloadError)
        self.assertEqual(error.kind, "unwritable")


class Errors(SwarmCase):
    """An error of this program."""

    def test_ends_all_files(self) -> None:
        documents = [Document(3), Document(1, seed=2, name="other.bin")]
        source = FakeSource(1, documents)
        swarm = self.swarm(documents, [source])
        self.patch(swarm.files[0], "keep", lambda piece: 1 / 0)
        while not swarm.ended:
            source.answer()
        self.assertEqual(swarm.ended, [None])
        errors = {type(error) for error in swarm.completed.values() if error is not None}
        self.assertEqual(errors, {DownloadError})
        self.assertIn("an internal error", str(swarm.completed[documents[0].name]))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
