"""A simulated swarm: one seed and its downloaders, how these find each other, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from random import seed as seed_global

from twisted.internet.defer import Deferred

from benchmarks.simulation.acquaintance import in_touch, introduce
from benchmarks.simulation.fetching import Downloader
from benchmarks.simulation.links import Link
from benchmarks.simulation.loop import Loop
from benchmarks.simulation.serving import Connection, Server
from benchmarks.simulation.sizes import SHA256, Sizes
from p2p_twisted.peer.downloads.source_search import ENOUGH, FIRST_PAUSE, FIRST_WAIT, LAST_PAUSE
from p2p_twisted.peer.peers.neighbours import Neighbours
from p2p_twisted.peer.serving.askers import Askers
from p2p_twisted.registry.address_book import AddressBook
from p2p_twisted.wire.address import Address

LIMIT = 24 * 3600.0
"""Seconds of virtual time after which a swarm that is not done is given up."""


@dataclass(frozen=True)
class Plan:
    """What is simulated. Rates are bytes/s, times seconds."""

    downloaders: int
    size: int
    up: float
    down: float
    latency: float = 0.01
    spread: float = 0.1
    """Time within which all of them start."""
    corrupt: int = 0
    """Downloaders that serve nothing but garbage."""
    slow: int = 0
    """Downloaders whose uplink is a tenth of that of the others."""
    seed: int = 1

    @property
    def bound(self) -> float:
        """The time that nothing can be faster than (docs/protocol.rst, "How a swarm runs")."""
        n = self.downloaders
        return self.size * max(1 / self.up, 1 / self.down, n / ((n + 1) * self.up))


class Peer:
    """One host of the swarm."""

    def __init__(self, swarm: Swarm, number: int) -> None:
        plan, self._swarm = swarm.plan, swarm
        self.address: Address = (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 4000)
        is_slow = plan.corrupt < number <= plan.corrupt + plan.slow
        up, down = Link(plan.up / 10 if is_slow else plan.up), Link(plan.down)
        random = Random(f"{plan.seed} {number}")
        self.server = Server(swarm.loop, up, swarm.sizes, random, is_seed=number == 0)
        self.server.is_corrupt = 0 < number <= plan.corrupt
        self.downloader = Downloader(swarm.loop, (up, down), swarm.sizes, random, self._connect, self._got)
        self.max_connections = 0
        """The most that it has had, to sources and from downloaders."""
        self.has_joined = False
        self.in_touch: set[Address] = set()
        """The peers whose index it has, and that have its own."""
        self.askers = Askers(lambda: swarm.loop.now)
        self._pause = FIRST_PAUSE
        """Seconds until it asks for others again."""

    def _got(self, piece: int) -> None:
        self.server.add(piece)
        if self.downloader.ended is not None:
            self._swarm.unfinished -= 1

    # finding others

    def join(self) -> None:
        """Begin: the seed and those of its neighbours that download the file too are known, and these hear of it."""
        self.has_joined = True
        self.downloader.add_source(self._swarm.seed.address, is_seed=True)
        for address in sorted(self.in_touch):
            other = self._swarm.peer_at(address)
            if other.has_joined:
                self.downloader.add_source(address)
            self.server.announce(self._swarm.plan.latency, partial(self._heard_by, other))
        self._swarm.loop.at(self._swarm.loop.now + FIRST_WAIT, self._ask_for_others)
        self._tick()

    def _heard_by(self, other: Peer) -> None:
        """Let a neighbour know that this peer downloads the file."""
        if other.has_joined:
            other.downloader.add_source(self.address)

    def _tick(self) -> None:
        if self.downloader.ended is None:
            self.downloader.tick()
            self._swarm.loop.at(self._swarm.loop.now + 1, self._tick)

    def _ask_for_others(self) -> None:
        """Have the seed or a source name others, now and later, as long as there are too few."""
        known = self.downloader.pool
        if self.downloader.ended is not None or len(known) > ENOUGH:
            return
        asked = self._swarm.random.choice([self._swarm.seed.address, *(source.address for source in known.connected)])
        for address in self._swarm.peer_at(asked).askers.ask(SHA256, self.address):
            self.downloader.add_source(address)
        self._swarm.loop.at(self._swarm.loop.now + self._pause, self._ask_for_others)
        self._pause = min(2 * self._pause, LAST_PAUSE)

    async def _connect(self, address: Address) -> Connection:
        """Connect to the peer at `address`."""
        other, loop, latency = self._swarm.peer_at(address), self._swarm.loop, self._swarm.plan.latency
        answered: Deferred[None] = Deferred()
        loop.at(loop.now + 2 * latency, answered.callback, None)
        await answered
        other.server.connections += 1
        if other is not self._swarm.seed:
            other.downloader.add_source(self.address)  # who asks for the file takes part as well
        for peer in (self, other):
            peer.max_connections = max(
                peer.max_connections, peer.server.connections + len(peer.downloader.pool.connected)
            )
        return Connection(other.server, latency)


class Swarm:
    """One seed and the downloaders of its file."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.loop = Loop()
        self.sizes = Sizes(plan.size)
        self.random = Random(plan.seed)
        self.unfinished = plan.downloaders
        self.peers = [Peer(self, number) for number in range(plan.downloaders + 1)]
        self.seed, *self.downloaders = self.peers
        self._by_address = {peer.address: peer for peer in self.peers}
        self._introduce()

    def _introduce(self) -> None:
        """Let the downloaders get to know each other as the peers of one RS do."""
        seed_global(self.plan.seed)  # the book and the neighbours have no random numbers of their own
        book = AddressBook()
        for number, peer in enumerate(self.downloaders):
            book.add(peer.address, number)
        neighbours = {peer.address: Neighbours() for peer in self.downloaders}
        introduce(book, neighbours)
        for address, met in in_touch(neighbours).items():
            self.peer_at(address).in_touch = met

    def peer_at(self, address: Address) -> Peer:
        """Return the peer with this address."""
        return self._by_address[address]

    def run(self) -> bool:
        """Run until all have the file; return whether they have."""
        for peer in self.downloaders:
            self.loop.at(self.random.random() * self.plan.spread, peer.join)
        return self.loop.run(lambda: not self.unfinished, LIMIT)
