"""Peers that are remembered over a restart, and asked while no RS answers."""

from __future__ import annotations

from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.peer.peers.discovery import Discovery
from p2p_twisted.peer.peers.peer_memory import SAVE_INTERVAL, PeerMemory
from p2p_twisted.peer.peers.registration import Registration
from p2p_twisted.peer.peers.rs_finder import RsFinder

from .test_discovery import PORT, RS, Case, at

WALL = 1_800_000_000


class Remembers(Case):
    def begin(self) -> None:
        """A new run of the peer, with what the one before has left in its state folder."""
        self.index = DistributedIndex()
        self.registration = Registration(self.network, RsFinder(self.network, [RS]), PORT, self.folder, self.publisher)
        self.discovery = Discovery(self.network, self.registration, self.index, self.network.seconds, self.publisher)
        parts = self.registration, self.discovery, self.publisher, self.folder
        self.memory = PeerMemory(self.network, *parts, self.network.seconds, lambda: WALL + self.network.seconds())
        for service in (self.memory, self.registration, self.discovery):
            service.startService()
        self.network.wait(3)

    def end(self) -> None:
        for service in (self.discovery, self.registration, self.memory):
            service.stopService()
        self.network.settle()

    def restart_without_rs(self) -> None:
        self.end()
        del self.network.servers[RS]
        self.begin()

    def test_they_are_asked_when_no_rs_answers(self) -> None:
        self.peer(1, a=b"1")
        self.peer(2, b=b"2")
        self.begin()
        self.assertEqual(self.names(), ["a.txt", "b.txt"])
        self.restart_without_rs()
        self.assertFalse(self.registration.registered)
        self.network.wait(3)
        self.assertEqual(self.names(), ["a.txt", "b.txt"])
        self.end()

    def test_they_are_not_asked_while_an_rs_answers(self) -> None:
        self.peer(1, a=b"1")
        self.begin()
        self.end()
        self.registry.leave(self.cookies[1], at(1)[1])
        self.begin()
        self.network.wait(90)
        self.assertEqual(self.names(), [])
        self.end()

    def test_those_that_are_gone_are_forgotten_in_this_run_only(self) -> None:
        self.peer(1, a=b"1")
        self.begin()
        server = self.network.servers.pop(at(1))
        self.restart_without_rs()
        self.network.wait(3)
        self.assertEqual(self.discovery.peers, {})
        self.network.servers[at(1)] = server
        self.network.wait(150)
        self.assertEqual(self.names(), ["a.txt"], "each round tries them again")
        self.end()

    def test_saved_from_time_to_time(self) -> None:
        self.peer(1, a=b"1")
        self.begin()
        self.assertFalse((self.folder / "peers").exists())
        self.network.wait(SAVE_INTERVAL)
        host, port, seen = (self.folder / "peers").read_text().split()
        self.assertEqual((host, int(port)), at(1))
        self.assertTrue(WALL <= int(seen) <= WALL + 63)
        self.end()
