"""Piece lists: requested from more and more sources, verified by the index record, each with a timeout."""

from __future__ import annotations

from pathlib import Path

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.net.errors import Garbled, Refused, Unreachable
from p2p_twisted.swarm.errors import AllCorrupt
from p2p_twisted.swarm.snubbing import SNUB_TIMEOUT
from p2p_twisted.wire.limits import MAX_PIECE_LIST
from tests.support.fake_sources import Document, FakeSource, RunningSwarm, is_document

DOCUMENT = Document(6)
RIGHT = "".join(f"{DOCUMENT.digests[i : i + 32].hex()}\n" for i in range(0, 192, 32)).encode()


class Case(SynchronousTestCase):
    """Each test has two sources that answer GET PIECES when a test says so."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.sources = [FakeSource(number, [DOCUMENT]) for number in (1, 2)]
        for source in self.sources:
            source.is_silent = True

    def begin(self, *documents) -> None:
        self.swarm = RunningSwarm(self.folder, documents or [DOCUMENT], self.sources)

    def lists(self):
        """Return the number of outstanding lists at each source."""
        return [len(source.connection.lists) for source in self.sources]

    def answer(self, number, body=RIGHT) -> None:
        """Let that source answer with `body`."""
        connection = self.sources[number].connection
        connection.lists.pop(0)[1].callback((connection.response(), body))

    def banned(self):
        return {source.address[1]: source.banned for source in self.swarm.swarm.sources.banned}

    def assertWhole(self) -> None:
        self.swarm.serve()
        self.assertEqual(self.swarm.completed, {DOCUMENT.name: None})
        self.assertTrue(is_document(self.folder / DOCUMENT.name, DOCUMENT))


class Asked(Case):
    """Requests for the list: to one source at a time, and to the next when that does not help."""

    def test_a_list_is_requested_from_one_source(self) -> None:
        self.begin()
        self.assertEqual(self.lists(), [1, 0])
        message, _ = self.sources[0].connection.lists[0]
        self.assertEqual(message.sha256, DOCUMENT.sha256)
        self.assertEqual([source.asked for source in self.sources], [[], []])
        self.answer(0)
        self.assertEqual(self.lists(), [0, 0])
        self.assertTrue(all(source.outstanding for source in self.sources))
        self.assertWhole()

    def test_no_list_is_requested_for_a_file_of_one_piece(self) -> None:
        document = Document(1)
        for source in self.sources:
            source.documents = {document.sha256: document}
        self.begin(document)
        self.assertEqual(self.lists(), [0, 0])
        self.swarm.serve()
        self.assertEqual(self.swarm.completed, {document.name: None})

    def test_no_list_is_requested_from_a_source_without_the_file(self) -> None:
        other = Document(3, seed=2, name="other.bin")
        self.sources[1].documents = {other.sha256: other}
        self.begin(DOCUMENT, other)
        asked = [[message.sha256 for message, _ in source.connection.lists] for source in self.sources]
        self.assertEqual(asked, [[DOCUMENT.sha256], [other.sha256]])

    def test_the_next_source_is_tried_when_one_is_slow_and_the_first_valid_list_counts(self) -> None:
        self.begin()
        self.swarm.advance(0.5)
        self.assertEqual(self.lists(), [1, 0])
        self.swarm.advance(1)
        self.assertEqual(self.lists(), [1, 1])
        self.answer(0)
        self.answer(1)
        self.assertEqual(self.banned(), {})
        self.assertWhole()

    def test_more_and_more_sources_are_tried_while_none_answers(self) -> None:
        """Many that are unresponsive do not hide the one that is not."""
        self.sources += [FakeSource(number, [DOCUMENT]) for number in range(3, 41)]
        for source in self.sources:
            source.is_silent = True
        self.begin()
        asked = [sum(self.lists())]
        for _ in range(3):
            self.swarm.advance(1)
            asked.append(sum(self.lists()))
        self.assertEqual(asked, [1, 4, 40, 40])

    def test_two_downloaders_are_asked_beside_a_full_source_that_lets_others_wait(self) -> None:
        downloaders = [FakeSource(number, [DOCUMENT]) for number in (3, 4, 5)]
        self.swarm = RunningSwarm(self.folder, [DOCUMENT], self.sources, late=downloaders)
        for source in downloaders:
            source.is_silent = True
            self.swarm.add_pieces(source, DOCUMENT, [])
        self.sources += downloaders
        self.assertEqual(self.lists(), [1, 0, 1, 1, 0])
        self.answer(2)
        why = Refused(Refused.NOT_FOUND, "a request for pieces has come")
        self.sources[0].connection.lists.pop(0)[1].errback(Failure(why))
        self.assertEqual(self.banned(), {})
        self.assertWhole()

    def test_the_next_source_is_tried_when_one_is_lost(self) -> None:
        self.begin()
        self.sources[0].lose()
        self.assertEqual(self.lists()[1], 1)
        self.answer(1)
        self.swarm.wait(0.3, step=0.1)  # what it has given out is asked of it again a moment later
        self.assertWhole()

    def test_the_only_source_is_tried_again_when_it_is_back(self) -> None:
        del self.sources[1]
        self.begin()
        self.sources[0].lose(Unreachable("the connection was lost"))
        self.swarm.advance(1, 1)
        self.assertEqual(len(self.sources[0].connections), 2)
        self.assertEqual(self.lists(), [1])
        self.answer(0)
        self.assertWhole()

    def test_a_source_that_sent_retry_after_is_tried_again_after_that_time(self) -> None:
        del self.sources[1]
        self.begin()
        self.sources[0].connection.lists.pop(0)[1].errback(Failure(Refused(100, "is being read again", 3)))
        asked = []
        for _ in range(4):
            asked.append(self.lists())
            self.swarm.advance(1)
        self.assertEqual((asked, self.lists()), ([[0], [0], [0], [1]], [1]))
        self.answer(0)
        self.assertWhole()

    def test_a_source_that_refused_the_list_is_not_tried_again(self) -> None:
        for source in self.sources:
            source.has_lists = False
            source.is_silent = False
        self.begin()
        self.swarm.wait(40)
        self.assertEqual(len(self.swarm.ended), 1)
        self.assertIsNotNone(self.swarm.completed[DOCUMENT.name])
        self.assertEqual([source.asked for source in self.sources], [[], []])


class Hostile(Case):
    """A list other than the one in the record is refused, and its source loses its place."""

    def test_bodies_that_are_not_the_list(self) -> None:
        other = Document(6, seed=2)
        for body in (
            b"",
            b"\n",
            RIGHT[:-65],
            RIGHT + RIGHT[:65],
            RIGHT.replace(b"\n", b"\n\n\n0\n", 1),
            other.digests.hex().encode(),
            DOCUMENT.digests,
            b"\xff" * 390,
            "\u0660".encode() * 384,
            b"x" * MAX_PIECE_LIST,
        ):
            self.setUp()
            self.begin()
            self.answer(0, body)
            self.assertEqual(self.banned(), {1: "its piece list is not the one in the index"})
            self.assertIsNotNone(self.sources[0].connection.lost)
            self.assertEqual(self.lists(), [0, 1])
            self.answer(1)
            self.assertWhole()

    def test_a_false_one_that_comes_late(self) -> None:
        """The list is known by then; a source that sends a wrong one is banned all the same."""
        self.begin()
        self.swarm.advance(*[1] * int(SNUB_TIMEOUT + 1))
        self.answer(1)
        self.answer(0, b"00\n")
        self.assertEqual(list(self.banned()), [1])
        self.assertWhole()

    def test_a_source_that_does_not_speak_the_protocol(self) -> None:
        self.begin()
        self.sources[0].lose(Garbled("not a response"))
        self.assertEqual(self.banned(), {1: "not a response"})
        self.answer(1)
        self.assertWhole()

    def test_nobody_gives_the_right_one(self) -> None:
        self.begin()
        self.answer(0, b"00\n")
        self.answer(1, b"00\n")
        self.swarm.advance(1, 1)
        self.assertEqual(len(self.swarm.ended), 1)
        self.assertIsInstance(self.swarm.completed[DOCUMENT.name], AllCorrupt)
        self.assertEqual(self.swarm.verified, [])
