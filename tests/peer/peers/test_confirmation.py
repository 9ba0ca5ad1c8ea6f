"""Holders that hearsay names are asked for their index, over a network in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.peer.peers.test_discovery import Case as DiscoveryCase
from tests.peer.peers.test_discovery import at, line, v11
from tests.support.memory_network import ScriptedFactory


class Confirms(DiscoveryCase):
    def confirm(self, *addresses: Any, timeout: float = 5, seconds: float = 0) -> bool:
        """Return whether it was over after so many seconds."""
        done: list[Any] = []
        Deferred.fromCoroutine(self.discovery.confirm(addresses, timeout)).addBoth(done.append)
        self.network.settle()
        self.network.wait(seconds)
        return done == [None]

    def dialled(self) -> list[Any]:
        return [address for _, address in self.network.dialled]

    def test_one_that_the_rs_lists_is_asked(self) -> None:
        self.fake(1, v11(line("one")))
        self.assertTrue(self.confirm(at(1)))
        self.assertEqual(self.names(), ["one.txt"])

    def test_one_that_it_does_not_list_is_not(self) -> None:
        self.network.servers[at(1)] = ScriptedFactory(v11(line("one")))
        self.assertTrue(self.confirm(at(1), ("127.0.0.1", 4001), ("intranet.example", 4001)))
        self.assertNotIn(at(1), self.dialled())

    def test_a_fresh_answer_is_not_asked_for_again(self) -> None:
        self.fake(1, v11(line("one")))
        self.confirm(at(1))
        before = self.dialled()
        self.assertTrue(self.confirm(at(1)))
        self.assertEqual(self.dialled().count(at(1)), before.count(at(1)))

    def test_two_who_wait_for_the_same(self) -> None:
        fake = self.fake(1, v11(line("one")))
        done: list[Any] = []
        for _ in range(2):
            Deferred.fromCoroutine(self.discovery.confirm([at(1)], 5)).addBoth(done.append)
        self.network.settle()
        self.assertEqual((done, len(fake.received)), ([None, None], 1))

    def test_silent_ones_are_waited_for_no_longer_than_that(self) -> None:
        self.serve(1, None)
        self.fake(2, v11(line("two", at(2))))
        self.assertFalse(self.confirm(at(1), at(2), timeout=3, seconds=2))
        self.assertEqual(self.names(), ["two.txt"])
        self.network.wait(1)
        self.assertTrue(self.confirm(at(2)))
