"""A peer in a large swarm: whom it is in touch with, over a network in memory with a real RS."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from p2p_twisted.peer.peers import circle
from p2p_twisted.peer.peers.neighbours import CHOSEN, GREETERS
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.records import IndexRecord
from tests.peer.peers.test_discovery import SHA, Case, at, line, v11

OTHERS = 90
FAR = ("10.9.9.9", 5000)


class LargeSwarm(Case):
    """There are ninety others; most answer one request with an index of one document."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(circle, "MAX_MET", 1)
        self.asked: dict[int, list[bytes]] = {}
        for number in range(1, OTHERS + 1):
            self.asked[number] = self.fake(number, v11(self.index_of(number), b"Index: e.1\n")).received

    def index_of(self, number: int) -> bytes:
        return line(f"own{number}", at(number), TTL, b"\t1\t" + SHA + b"\t-")

    def met(self):
        return {number for number, said in self.asked.items() if said}

    def test_it_asks_its_neighbours_and_nobody_else(self) -> None:
        self.refresh(5)
        self.assertIn(len(self.met()), (CHOSEN, CHOSEN + 1))
        self.assertIn(len(self.discovery.peers), (CHOSEN, CHOSEN + 1))
        for _ in range(3):
            self.refresh(5)
        self.assertLess(len(self.met()), 2 * CHOSEN)

    def test_one_who_is_new_asks_and_greets_others_once(self) -> None:
        self.patch(circle, "MAX_MET", OTHERS + 1)
        self.start()
        self.network.wait(2 * circle.MET_FOR + 10, step=1)
        self.assertEqual(len(self.met()), OTHERS)
        self.assertEqual(len(self.discovery.peers), CHOSEN)
        now = self.network.seconds()
        known = [number for number in self.asked if self.index.holders_of(f"own{number}.txt", now)]
        self.assertEqual(len(known), OTHERS)

    def test_one_that_is_gone_is_replaced_at_once(self) -> None:
        self.refresh(5)
        gone = sorted(self.met())[:5]
        for number in gone:
            self.network.servers[at(number)] = None
        self.refresh(10)
        self.assertIn(len(self.discovery.peers), (CHOSEN, CHOSEN + 1))
        self.assertFalse(any(at(number) in self.discovery.peers for number in gone))

    def test_silent_ones_are_replaced_by_those_that_answer(self) -> None:
        for number in range(1, 61):
            self.serve(number, None)
        self.start()
        self.network.wait(20, step=0.25)
        answered = [peer for peer in self.discovery.peers.values() if peer.seen is not None]
        self.assertGreaterEqual(len(answered), CHOSEN - 2)  # one or two places are tried with others

    def test_hearsay_counts_of_one_that_is_no_longer_in_touch(self) -> None:
        self.patch(circle, "RENEW_INTERVAL", 1)
        self.refresh(5)
        self.network.wait(circle.MET_FOR)
        before = set(self.discovery.peers)
        self.refresh(5)
        now = self.network.seconds()
        left = next(iter(before - set(self.discovery.peers)))
        self.assertEqual(len(self.index.holders_of(f"own{left[1] - 4000}.txt", now)), 1)
        new = IndexRecord("new.txt", "", *left, TTL, 1, SHA.decode(), "")
        self.assertTrue(self.index.retold.hear(("10.0.0.1", 1), new, now))

    def test_those_that_greet_are_neighbours_up_to_a_number(self) -> None:
        self.refresh(5)
        others = [number for number in self.asked if at(number) not in self.discovery.peers]
        for number in others[: 2 * GREETERS]:
            self.assertTrue(self.discovery.arrived(at(number), True))
            self.network.settle()
        self.network.wait(2 * circle.MET_FOR)
        self.refresh(5)
        self.assertEqual(len(self.discovery.peers), CHOSEN + GREETERS)
        self.assertIn(at(others[2 * GREETERS - 1]), self.discovery.peers)

    def test_those_whose_documents_were_wanted_are_kept_for_a_while(self) -> None:
        self.start()
        others = [at(number) for number in self.asked if at(number) not in self.discovery.peers]
        wanted = set(others[:12])
        Deferred.fromCoroutine(self.discovery.confirm(list(wanted), 5))
        self.network.settle()
        self.assertLessEqual(wanted, set(self.discovery.peers))
        self.network.wait(circle.WANTED_FOR // 2, step=5)
        self.assertLessEqual(wanted, set(self.discovery.peers))
        self.network.wait(circle.WANTED_FOR, step=5)
        self.assertFalse(wanted <= set(self.discovery.peers))  # some may be neighbours by lot again

    def test_a_swarm_that_shrinks_is_known_whole_again(self) -> None:
        self.refresh(5)
        for number in range(41, OTHERS + 1):
            self.registry.leave(self.cookies[number], at(number)[1])
        self.refresh(5)
        self.assertGreaterEqual(self.met(), set(range(1, 41)))
        self.assertFalse(self.discovery.retelling.is_on)
