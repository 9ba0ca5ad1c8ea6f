"""Whom to ask next: fair over hosts, bounded, and not held up by those that are slow."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.config import descriptors
from p2p_twisted.peer.peers import turns
from p2p_twisted.peer.peers.turns import FAILED, NORMAL, URGENT, FairQueue, Turns
from p2p_twisted.wire.address import Address


def peers(host, count, first=1000):
    return [(host, first + number) for number in range(count)]


def host_of(address: Address | None) -> str:
    assert address is not None
    return address[0]


class Queue(SynchronousTestCase):
    """One of each host before the second of any."""

    def test_hosts_take_turns(self) -> None:
        queue = FairQueue()
        for address in [*peers("a", 3), *peers("b", 2), *peers("c", 1)]:
            queue.add(address)
        taken = []
        while queue:
            taken.append(host_of(queue.take(lambda host: True)))
        self.assertEqual("".join(taken), "abcaba")

    def test_a_network_of_ipv6_is_one_host(self) -> None:
        queue = FairQueue()
        for address in [("2001:db8::1", 1), ("2001:db8::2", 1), ("2001:db8:0:1::1", 1)]:
            queue.add(address)
        self.assertEqual(host_of(queue.take(lambda host: True)), "2001:db8::1")
        self.assertEqual(host_of(queue.take(lambda host: True)), "2001:db8:0:1::1")

    def test_a_host_at_its_limit_is_skipped(self) -> None:
        queue = FairQueue()
        for address in [*peers("a", 2), *peers("b", 1)]:
            queue.add(address)
        self.assertEqual(queue.take(lambda host: host != "a"), ("b", 1000))
        self.assertIsNone(queue.take(lambda host: host != "a"))


class Asks(SynchronousTestCase):
    """`asked` are those that have not answered."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.asked = {}
        self.order = []
        self.ended = 0
        self.turns = Turns(self.clock, self.ask, self.end)

    def ask(self, address):
        self.order.append(address)
        asked = self.asked[address] = Deferred()
        return asked.addErrback(lambda failure: None)

    def end(self) -> None:
        self.ended += 1

    def answer(self, address) -> None:
        self.asked.pop(address).callback(None)

    def add(self, addresses, rank=NORMAL) -> None:
        self.turns.add((address, rank) for address in addresses)

    def test_so_many_at_once(self) -> None:
        self.add(peers("a", 100))
        self.assertEqual(len(self.order), turns.AT_ONCE)
        self.answer(("a", 1000))
        self.assertEqual((len(self.order), self.ended), (turns.AT_ONCE + 1, 1))

    def test_a_peer_that_is_moved_forward_has_one_turn_only(self) -> None:
        """It had two, and what came after the end of the second was a KeyError."""
        self.add(peers("a", turns.AT_ONCE))
        for rank in (FAILED, NORMAL, URGENT):
            self.add([("b", 1)], rank)
        self.clock.advance(turns.PROMPT)
        self.assertEqual(self.order.count(("b", 1)), 1)
        self.answer(("b", 1))
        for address in peers("a", turns.AT_ONCE):
            self.answer(address)
        self.assertTrue(self.turns.is_idle)

    def test_a_slow_one_makes_room(self) -> None:
        self.add(peers("a", 100))
        self.clock.advance(turns.PROMPT)
        self.assertEqual(len(self.order), 2 * turns.AT_ONCE)

    def test_silent_peers_of_one_host_leave_room_for_others(self) -> None:
        self.add(peers("a", 1000))
        self.clock.pump([turns.PROMPT] * 40)
        self.assertEqual(len(self.order), turns.MAX_ASKED_OF_HOST)
        self.add(peers("b", 100))
        self.clock.pump([turns.PROMPT] * 40)
        self.assertEqual(len(self.order), turns.MAX_ASKED)

    def test_nobody_is_asked_twice_at_the_same_time(self) -> None:
        self.add(peers("a", 2))
        self.add(peers("a", 2))
        self.assertEqual(len(self.order), 2)
        self.answer(("a", 1000))
        self.add(peers("a", 2))
        self.assertEqual(self.order[2:], [("a", 1000)])

    def test_ranks(self) -> None:
        self.add(peers("full", turns.AT_ONCE))
        self.add(peers("failed", 1), FAILED)
        self.add(peers("normal", 1))
        self.add(peers("urgent", 1), URGENT)
        for address in peers("full", 3):
            self.answer(address)
        self.assertEqual([host for host, _ in self.order[turns.AT_ONCE :]], ["urgent", "normal", "failed"])

    def test_idle_when_all_have_answered(self) -> None:
        self.assertTrue(self.turns.is_idle)
        self.add(peers("a", 40))
        for address in peers("a", 40):
            self.assertFalse(self.turns.is_idle)
            self.answer(address)
        self.assertTrue(self.turns.is_idle)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped(self) -> None:
        self.add(peers("a", 100))
        self.turns.stop()
        self.assertTrue(self.turns.is_idle)
        self.assertEqual((len(self.order), self.clock.getDelayedCalls()), (turns.AT_ONCE, []))

    def test_where_descriptors_are_few(self) -> None:
        self.patch(descriptors, "descriptor_limit", lambda: 128)
        self.add(peers("a", 100))
        self.clock.pump([turns.PROMPT] * 10)
        self.assertEqual(len(self.order), 14)
        self.add(peers("b", 1))
        self.assertEqual(self.order[14:], [("b", 1000)])
