"""Sources that cannot be reached."""

from pathlib import Path

from twisted.trial.unittest import TestCase

from p2p_twisted.swarm.errors import Unreachable
from p2p_twisted.wire.messages import GetNext
from p2p_twisted.wire.ranges import from_ranges

from .sources import Document, Source, Swarm, is_document


class TestOneOfTwoThatHadItFromTheStart(TestCase):
    """Nobody knows that it is gone, neither the RS nor those who ask for the file."""

    def test_the_other_gives_all_of_it_each_piece_to_one_asker(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        document = Document(40)
        gone, there = Source(1, [document]), Source(2, [document])
        gone.refuses_to_connect = Unreachable("10.0.0.1:1: connection refused")
        swarm = Swarm(folder, [document], [there, gone])
        swarm.serve()
        self.assertEqual(swarm.completed, {document.name: None})
        self.assertTrue(is_document(folder / document.name, document))
        nexts = [message for message in there.asked if isinstance(message, GetNext)]
        named = {piece for message in nexts for piece in from_ranges(message.wants[0][1], 40)}
        self.assertEqual(named, set(range(40)))
        self.assertTrue(all(first_hand for _, _, first_hand in swarm.kept))
