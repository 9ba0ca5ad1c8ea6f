"""Turns at a source: how they are asked for and used, what is heard with them, and sources that know none."""

from p2p_twisted.swarm.turns import MAX_PAUSE, MAX_USELESS, USELESS_DELAY
from p2p_twisted.wire.messages import GetFile
from tests.support.fake_sources import PIECE, Document, FakeSource
from tests.support.swarm_case import SwarmCase


class Turns(SwarmCase):
    def setUp(self) -> None:
        super().setUp()
        self.document = Document(20)
        self.seed = FakeSource(1, [self.document])
        self.seed.serves = False
        self.other = FakeSource(2, [self.document], only=set())
        self.running = self.swarm([self.document], [self.seed], late=[self.other])

    def test_pieces_are_asked_for_as_turns_come(self) -> None:
        self.other.only = {3, 4, 5, 6, 7}
        self.running.add_pieces(self.other, self.document, [3, 4, 5, 6, 7])
        self.assertEqual(len(self.other.outstanding), 3)
        self.other.answer()
        self.assertEqual((len(self.other.outstanding), self.other.turns_asked), (3, 5))

    def test_what_is_told_with_a_turn_is_asked_for(self) -> None:
        self.running.add_pieces(self.other, self.document, [3])
        self.other.only = {3, 9, 11}
        self.other.answer()
        self.assertEqual(self.other.outstanding, [])
        self.other.news = f"have\t{self.document.sha256}\t{self.document.size}\t9,11\n".encode()
        self.other.connection.give_turn()
        asked = [message for message in self.other.outstanding if isinstance(message, GetFile)]
        ranges = sorted(message.byte_range[0] // PIECE for message in asked if message.byte_range)
        self.assertEqual(ranges, [9, 11])

    def test_a_source_is_not_believed_about_files_that_it_is_not_known_to_have(self) -> None:
        secret = Document(5, 2, "secret.bin")
        swarm = self.swarm([self.document, secret], [FakeSource(5, [])], late=[self.other])
        swarm.add_pieces(self.other, self.document, [3])
        self.other.news = f"have\t{secret.sha256}\t{secret.size}\t0-4\n".encode()
        self.other.connection.give_turn()
        asked = [message for message in self.other.asked if isinstance(message, GetFile)]
        self.assertEqual([message for message in asked if message.sha256 == secret.sha256], [])

    def test_news_that_are_none_ban_the_source(self) -> None:
        self.running.add_pieces(self.other, self.document, [3])
        self.other.answer()
        self.other.news = b"have\tnothing\n"
        self.other.connection.give_turn()
        self.assertIn(self.other.address, [source.address for source in self.running.swarm.sources.banned])

    def test_one_that_does_not_know_the_message_is_asked_without(self) -> None:
        self.other.knows_turns = False
        self.other.only = {3, 4, 5, 6, 7}
        self.running.add_pieces(self.other, self.document, [3, 4, 5, 6, 7])
        self.running.serve()
        self.assertEqual(sorted(self.running.pieces), [3, 4, 5, 6, 7])
        self.assertEqual((self.other.turns_asked, len(self.other.connections)), (1, 2))

    def test_useless_turns_do_not_go_round_and_round(self) -> None:
        self.other.gives_useless_turns = True
        self.running.add_pieces(self.other, self.document, [3])
        asked = self.other.turns_asked
        self.assertLessEqual(asked, MAX_USELESS + 2)
        self.running.advance(10.0)
        self.assertLessEqual(self.other.turns_asked - asked, 10 / USELESS_DELAY)

    def test_after_a_turn_to_no_use_the_next_is_asked_for_half_a_piece_later(self) -> None:
        for piece, seconds, pause in ((3, 0.1, 0.05), (4, 60.0, MAX_PAUSE)):
            asked = self.turns_asked_after_no_use(piece, seconds)
            self.running.advance(pause - 0.01)
            self.assertEqual(self.other.turns_asked, asked)
            self.running.advance(0.02)
            self.assertEqual(self.other.turns_asked, asked + 1)

    def test_where_a_piece_takes_no_time_the_next_turn_is_asked_for_at_once(self) -> None:
        asked = self.turns_asked_after_no_use(3, 0.0)
        self.assertEqual(self.other.turns_asked, asked + 1)

    def turns_asked_after_no_use(self, piece: int, seconds: float) -> int:
        """Fetch `piece`, which took so long, and give a turn to no use; return how many turns were asked for before."""
        self.other.only = {3, 4}
        self.running.add_pieces(self.other, self.document, [piece])
        self.other.answer()
        self.running.swarm.sources[self.other.address].piece_seconds = seconds
        asked = self.other.turns_asked
        self.other.news = f"have\t{self.document.sha256}\t{self.document.size}\t{piece}\n".encode()
        self.other.connection.give_turn()
        return asked
