"""A swarm over connections that do what a test says: lost and slow sources, refusals, and how it ends."""

from pathlib import Path

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from p2p_twisted.events.types import TransferStarted
from p2p_twisted.net.errors import Garbled, Refused, SourceError, Unreachable
from p2p_twisted.swarm.errors import (
    NoHolder,
    NoProgress,
    PeersFailed,
)
from p2p_twisted.swarm.picker_state import NextRequest, PieceRequest
from p2p_twisted.swarm.swarm import UNRESPONSIVE_TIMEOUT
from p2p_twisted.wire.messages import GetNext
from tests.support.fake_sources import PIECE, Document, FakeSource
from tests.support.swarm_case import SwarmCase


class Fetches(SwarmCase):
    """All goes well."""

    def test_a_file_from_one_source(self) -> None:
        document = Document(5)
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [source])
        self.assertEqual(swarm.ended, [])
        swarm.serve()
        self.assertWhole(swarm, document)
        self.assertEqual(sorted(swarm.pieces), list(range(5)))
        self.assertEqual({event.source for event in swarm.verified}, {source.address})
        self.assertTrue(all(event.super_seeded for event in swarm.verified))
        self.assertEqual(swarm.started, [TransferStarted(document.sha256, source.address)])
        self.assertEqual((swarm.swarm.received, swarm.swarm.duplicate), (document.size, 0))
        self.assertIsNotNone(source.connection.lost)

    def test_a_small_file_needs_no_list(self) -> None:
        document = Document(1)
        source = FakeSource(1, [document])
        source.has_lists = False
        swarm = self.swarm([document], [source])
        swarm.serve()
        self.assertWhole(swarm, document)

    def test_an_empty_file(self) -> None:
        document = Document(0)
        swarm = self.swarm([document], [FakeSource(1, [document])])
        swarm.serve()
        self.assertWhole(swarm, document)

    def test_a_set_from_several(self) -> None:
        documents = [Document(1, seed, f"{seed}.bin", short=1000 * seed) for seed in range(1, 21)]
        documents.append(Document(7, 21, "big.bin"))
        sources = [FakeSource(number, documents[number::2]) for number in (0, 1)]
        swarm = self.swarm(documents, sources)
        swarm.serve()
        self.assertWhole(swarm, *documents)
        self.assertEqual(swarm.swarm.duplicate, 0)

    def test_two_sources_give_a_share_each(self) -> None:
        document = Document(10)
        sources = [FakeSource(1, [document]), FakeSource(2, [document])]
        swarm = self.swarm([document], sources)
        swarm.serve()
        self.assertWhole(swarm, document)
        self.assertEqual([len(source.given) for source in sources], [5, 5])

    def test_pieces_are_requested_as_they_are_announced(self) -> None:
        document = Document(6)
        seed, other = FakeSource(1, [document]), FakeSource(2, [document], only={3})
        seed.serves = False
        swarm = self.swarm([document], [seed], late=[other])
        swarm.add_pieces(other, document, [3])
        swarm.serve()
        self.assertEqual(swarm.pieces, [3])
        other.only = {1, 3, 4}
        swarm.add_pieces(other, document, [1, 4])
        swarm.serve()
        self.assertEqual(sorted(swarm.pieces), [1, 3, 4])
        other.only = None
        swarm.add_complete(other, document)
        seed.serves = True
        swarm.serve()
        self.assertWhole(swarm, document)
        self.assertEqual({event.source for event in swarm.verified if event.piece in (1, 3, 4)}, {other.address})

    def test_pieces_of_others_are_not_first_hand(self) -> None:
        document = Document(2)
        other = FakeSource(2, [document])
        swarm = self.swarm([document], [FakeSource(1, [])], late=[other])
        swarm.add_complete(other, document)
        swarm.serve()
        self.assertWhole(swarm, document)
        self.assertFalse(any(event.super_seeded for event in swarm.verified))

    def test_more_is_asked_than_one_at_a_time_but_not_all(self) -> None:
        document = Document(100)
        source = FakeSource(1, [document])
        self.swarm([document], [source])
        self.assertTrue(2 <= len(source.outstanding) <= 4, source.outstanding)

    def test_a_fast_source_is_asked_for_more(self) -> None:
        document = Document(100)
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [source])
        for _ in range(40):
            swarm.advance(0.01)
            source.answer()
        self.assertTrue(10 <= len(source.outstanding) <= 40, len(source.outstanding))

    def test_the_report_of_the_sources(self) -> None:
        document = Document(6)
        source, other = FakeSource(1, [document]), FakeSource(2, [document])
        source.serves = False
        swarm = self.swarm([document], [source], late=[other])
        swarm.add_pieces(other, document, [5])
        swarm.serve()
        source.serves = True
        swarm.serve()
        sources = {source.address[1]: source for source in swarm.swarm.sources}
        self.assertEqual(sum(source.meter.total for source in sources.values()), document.size)
        self.assertEqual(sources[2].requested, {PieceRequest: 1})
        self.assertIn(NextRequest, sources[1].requested)
        self.assertEqual([source.hash_failures for source in sources.values()], [0, 0])


class Resumes(SwarmCase):
    """Pieces of an earlier run are not fetched again."""

    def test_with_what_is_there_and_from_another_source(self) -> None:
        document = Document(8)
        first = FakeSource(1, [document])
        swarm = self.swarm([document], [first])
        first.answer(5)
        swarm.running.cancel()
        self.assertIsInstance(swarm.ended[0].value, CancelledError)
        swarm.files[0].close()
        second = FakeSource(2, [document])
        again = self.swarm([document], [second])
        again.serve()
        self.assertWhole(again, document)
        self.assertEqual(sorted(swarm.pieces + again.pieces), list(range(8)))

    def test_when_all_of_it_is_there(self) -> None:
        document = Document(3)
        content = document.content(self.folder)
        content.accept_list(document.digests)
        for piece in range(3):
            content.write(piece * PIECE, document.piece(piece))
            content.keep(piece)
        content.close()
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [source])
        swarm.serve()
        self.assertWhole(swarm, document)
        self.assertEqual(source.asked, [])


class Cancelled(SwarmCase):
    """It is stopped from outside."""

    def test_keeps_what_is_there(self) -> None:
        document = Document(8)
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [source])
        source.answer(3)
        swarm.running.cancel()
        self.assertIsInstance(swarm.ended[0].value, CancelledError)
        self.assertIsNotNone(source.connection.lost)
        self.assertEqual(swarm.completed, {})
        self.assertEqual(swarm.reactor.getDelayedCalls(), [])
        swarm.files[0].close()
        names = {path.name for path in self.folder.iterdir()}
        self.assertEqual(names, {"document.bin.part", "document.bin.part.state"})

    def test_leaves_nothing_when_nothing_came(self) -> None:
        document = Document(8)
        swarm = self.swarm([document], [FakeSource(1, [document])])
        swarm.running.cancel()
        swarm.files[0].close()
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_before_it_is_connected(self) -> None:
        document = Document(2)
        source = FakeSource(1, [document])
        source.refuses_to_connect = Unreachable("away")
        swarm = self.swarm([document], [source])
        swarm.running.cancel()
        swarm.advance(100)
        self.assertEqual(source.connections, [])
        self.assertEqual(len(swarm.ended), 1)


class LostSources(SwarmCase):
    """Connections break, are refused, or are never made."""

    def test_a_lost_connection_is_made_again_and_all_is_fetched(self) -> None:
        document = Document(10)
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [source])
        source.answer(4)
        source.lose()
        self.assertEqual(len(source.connections), 1)
        swarm.wait(2)
        self.assertEqual(len(source.connections), 2)
        self.assertWhole(swarm, document)

    def test_with_pieces_that_were_asked_for_by_number(self) -> None:
        document = Document(10)
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [FakeSource(2, [])], late=[source])
        swarm.add_complete(source, document)
        source.answer(4)
        self.assertTrue(source.outstanding)
        source.lose()
        swarm.wait(2)
        self.assertWhole(swarm, document)

    def test_lost_in_the_middle_of_a_piece(self) -> None:
        document = Document(3)
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [source])
        request = source.connection.waiting[0]
        found = source.find(request[0])
        assert found is not None
        source.connection.begin(request, *found)
        source.lose()
        source.given.clear()  # what did not reach us it takes back
        swarm.wait(2)
        self.assertWhole(swarm, document)

    def test_outstanding_pieces_are_requested_from_the_other_at_once(self) -> None:
        document = Document(6)
        one, other = FakeSource(1, [document]), FakeSource(2, [document])
        swarm = self.swarm([document], [FakeSource(3, [])], late=[one, other])
        for source in (one, other):
            swarm.add_complete(source, document)
        one.refuses_to_connect = Unreachable("away")
        one.lose()
        swarm.serve()
        self.assertWhole(swarm, document)

    def test_given_up_after_a_few_times(self) -> None:
        document = Document(2)
        source = FakeSource(1, [document])
        source.refuses_to_connect = Unreachable("10.0.0.1:1: connection refused")
        swarm = self.swarm([document], [source])
        swarm.wait(29)
        self.assertEqual(swarm.ended, [None])
        self.assertIsInstance(swarm.completed[document.name], PeersFailed)
        self.assertIn("10.0.0.1:1: connection refused", str(swarm.completed[document.name]))
        self.assertEqual(swarm.reactor.getDelayedCalls(), [])

    def test_a_source_that_does_not_speak_the_protocol_is_not_tried_again(self) -> None:
        document = Document(2)
        for source, lose in ((FakeSource(1, [document]), False), (FakeSource(1, [document]), True)):
            self.folder = Path(self.mktemp())
            self.folder.mkdir()
            if lose:
                swarm = self.swarm([document], [source])
                source.lose(Garbled("not a response"))
            else:
                source.refuses_to_connect = SourceError("it speaks 1.0, which has no pieces")
                swarm = self.swarm([document], [source])
            swarm.wait(10)
            self.assertIsInstance(swarm.completed[document.name], PeersFailed)
            self.assertLessEqual(len(source.connections), 1)

    def test_nobody_has_it(self) -> None:
        document = Document(2)
        swarm = self.swarm([document], [])
        swarm.wait(3)
        self.assertIsInstance(swarm.completed[document.name], NoHolder)
        self.assertEqual(swarm.ended, [None])

    def test_a_source_that_comes_back_again_and_again_is_kept(self) -> None:
        document = Document(40)
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [source])
        for _ in range(8):
            source.serves = False
            source.answer(2)
            source.lose()
            swarm.wait(5)
        source.serves = True
        swarm.wait(5)
        self.assertWhole(swarm, document)


class Refusals(SwarmCase):
    """A source has not got what it was thought to have."""

    def test_a_refused_piece_is_requested_from_another(self) -> None:
        document = Document(4)
        poor, rich = FakeSource(1, [document], only=set()), FakeSource(2, [document])
        rich.serves = False
        swarm = self.swarm([document], [FakeSource(3, [])], late=[poor, rich])
        swarm.add_pieces(poor, document, range(4))
        swarm.add_complete(rich, document)
        swarm.serve()
        self.assertEqual(swarm.pieces, [])
        rich.serves = True
        swarm.serve()
        self.assertWhole(swarm, document)
        self.assertEqual(swarm.swarm.sources.banned, [])

    def test_a_source_that_has_given_all_out_is_asked_for_pieces(self) -> None:
        document = Document(6)
        source = FakeSource(1, [document])
        source.given = {(document.sha256, piece) for piece in range(6)}
        swarm = self.swarm([document], [source])
        swarm.wait(0.3, step=0.1)
        self.assertWhole(swarm, document)
        self.assertIsInstance(source.asked[0], GetNext)

    def test_the_only_source_lost_the_file(self) -> None:
        document = Document(3)
        source = FakeSource(1, [document], only=set())
        swarm = self.swarm([document], [source])
        swarm.wait(1)
        self.assertEqual(swarm.ended, [None])
        error = swarm.completed[document.name]
        self.assertIsInstance(error, NoHolder)
        self.assertIn("10.0.0.1:1: 100: not here", str(error))

    def test_the_only_source_no_longer_has_the_file(self) -> None:
        document = Document(3)
        source = FakeSource(1, [document])
        swarm = self.swarm([document], [source])
        source.answer()
        swarm.swarm.remove(source.address, document.sha256)
        self.assertIsInstance(swarm.completed[document.name], NoHolder)
        self.assertEqual(swarm.ended, [None])

    def test_a_file_without_sources_fails_before_the_others_end(self) -> None:
        gone, other = Document(3), Document(3, seed=2, name="other.bin")
        source = FakeSource(1, [gone, other])
        swarm = self.swarm([gone, other], [source])
        source.serves = False
        swarm.swarm.remove(source.address, gone.sha256)
        self.assertIsInstance(swarm.completed[gone.name], NoHolder)
        self.assertEqual(swarm.ended, [])
        source.serves = True
        swarm.serve()
        self.assertIsNone(swarm.completed[other.name])

    def test_an_unfinished_file_may_be_finished_yet(self) -> None:
        document = Document(3)
        gone, other = FakeSource(1, [document], only=set()), FakeSource(2, [document], only={1})
        swarm = self.swarm([document], [gone], late=[other])
        swarm.add_pieces(other, document, [1])
        swarm.wait(20)
        self.assertEqual((swarm.ended, swarm.pieces), ([], [1]))
        other.only = {0, 1, 2}
        swarm.add_pieces(other, document, [0, 2])
        swarm.serve()
        self.assertWhole(swarm, document)

    def test_an_incomplete_only_source_makes_no_progress(self) -> None:
        document = Document(3)
        other = FakeSource(2, [document], only={1})
        swarm = self.swarm([document], [], late=[other, FakeSource(1, [])])
        swarm.add_pieces(other, document, [1])
        swarm.wait(40)
        self.assertIsInstance(swarm.completed[document.name], NoProgress)


class Touched(SwarmCase):
    """A source that cannot send a file at the moment says nothing about later."""

    def setUp(self) -> None:
        super().setUp()
        self.document = Document(6)
        self.source = FakeSource(1, [self.document])
        self.swarm_ = self.swarm([self.document], [self.source])

    def refuse(self, retry_after) -> None:
        """The source refuses all that it was asked for."""
        while self.source.connection.waiting:
            request = self.source.connection.waiting.pop(0)
            request[2].errback(Failure(Refused(100, "is being read again", retry_after)))
            self.source.connection.give_turn()

    def test_it_is_asked_again_when_it_said(self) -> None:
        self.source.answer()
        self.source.serves = False
        for _ in range(3):
            self.refuse(1)
            self.assertEqual((self.source.outstanding, self.swarm_.ended), ([], []))
            self.swarm_.advance(1)
            self.assertTrue(self.source.outstanding)
        self.swarm_.serve()
        self.source.serves = True
        self.swarm_.wait(2)
        self.assertWhole(self.swarm_, self.document)

    def test_a_piece_that_it_was_asked_for_is_asked_again_too(self) -> None:
        other = FakeSource(2, [self.document])
        self.swarm_.sources[other.address] = other
        self.source.serves = False
        self.swarm_.add_pieces(other, self.document, [5])
        [request] = other.connection.waiting
        other.connection.waiting.clear()
        request[2].errback(Failure(Refused(100, "is being read again", 1)))
        self.assertEqual((other.outstanding, self.swarm_.ended), ([], []))
        self.swarm_.advance(1)
        self.assertEqual(other.outstanding, [request[0]])
        self.source.serves = True
        self.swarm_.wait(2)
        self.assertWhole(self.swarm_, self.document)

    def test_a_source_that_refused_is_used_again_once_it_announces_the_file(self) -> None:
        other = FakeSource(2, [self.document], only=set())
        self.swarm_.sources[other.address] = other
        self.swarm_.add_pieces(other, self.document, [0])
        self.refuse(None)
        self.refuse(None)
        self.assertEqual((self.source.outstanding, self.swarm_.ended), ([], []))
        self.swarm_.add_complete(self.source, self.document)
        self.assertTrue(self.source.outstanding)
        self.swarm_.serve()
        self.assertWhole(self.swarm_, self.document)

    def test_not_without_end(self) -> None:
        self.source.serves = False
        for _ in range(2 * UNRESPONSIVE_TIMEOUT):
            self.refuse(1)
            self.swarm_.advance(1)
        self.assertIsInstance(self.swarm_.completed[self.document.name], NoProgress)


class Stalls(SwarmCase):
    """A source takes its time."""

    def test_a_silent_source_is_snubbed_within_five_seconds(self) -> None:
        document = Document(4)
        slow, fast = FakeSource(1, [document]), FakeSource(2, [document])
        slow.serves = False
        swarm = self.swarm([document], [FakeSource(3, [])], late=[slow, fast])
        swarm.add_complete(slow, document)
        self.assertTrue(slow.outstanding)
        swarm.advance(0.3)
        swarm.add_complete(fast, document)
        swarm.wait(4.7)
        self.assertWhole(swarm, document)

    def test_a_source_is_snubbed_in_the_middle_of_a_download(self) -> None:
        document = Document(60)
        slow, fast = FakeSource(1, [document]), FakeSource(2, [document])
        swarm = self.swarm([document], [slow, fast])
        swarm.advance(0.1)
        slow.answer(3)
        slow.serves = False
        swarm.wait(5)
        self.assertWhole(swarm, document)

    def test_a_source_that_wakes_up_gets_requests_again(self) -> None:
        document = Document(40)
        sleeper, other = FakeSource(1, [document]), FakeSource(2, [document], only={0})
        swarm = self.swarm([document], [sleeper], late=[other])
        sleeper.serves = False
        swarm.wait(6)
        [source_state] = [one.state for one in swarm.swarm.sources]
        self.assertEqual(source_state, "snubbed")
        sleeper.serves = True
        swarm.wait(1)
        self.assertWhole(swarm, document)

    def test_this_process_was_stopped(self) -> None:
        """Bytes received during the pause are read afterwards: nothing is snubbed, requested twice or given up."""
        document = Document(10)
        sources = [FakeSource(number, [document]) for number in (1, 2)]
        swarm = self.swarm([document], sources)
        asked = [list(source.asked) for source in sources]
        for _ in range(3):
            swarm.advance(100)
        self.assertEqual((swarm.ended, [source.asked for source in sources]), ([], asked))
        self.assertEqual({source.state for source in swarm.swarm.sources}, {"connected"})
        swarm.serve()
        self.assertWhole(swarm, document)
        self.assertEqual(swarm.swarm.duplicate, 0)

    def test_nothing_comes_from_anybody(self) -> None:
        document = Document(3)
        source = FakeSource(1, [document])
        source.serves = False
        swarm = self.swarm([document], [source])
        swarm.wait(UNRESPONSIVE_TIMEOUT - 5)
        self.assertEqual(swarm.ended, [])
        swarm.wait(10)
        self.assertEqual(swarm.ended, [None])
        self.assertIsInstance(swarm.completed[document.name], NoProgress)
