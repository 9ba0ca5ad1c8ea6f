"""``python -m benchmarks.simulation.discovery``: how N peers know of each other's documents, in virtual time.

The rules are the real ones: the RS's sample, neighbours, retelling, the index and the hearsay feed. Connections are
replaced by a delay, and what crosses them is counted, with 40 bytes of TCP and IP for a message and for its
acknowledgement. Each peer has one document that is told again before it ends, as many a second as there would be.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import defaultdict
from functools import lru_cache
from typing import Any

from benchmarks.simulation.acquaintance import introduce, listed_in
from benchmarks.simulation.sizes import VERSION
from benchmarks.simulation.virtual_clock import Clock
from p2p_twisted.index.distributed import DistributedIndex
from p2p_twisted.net import OS_NAME
from p2p_twisted.peer.peers.circle import RENEW_INTERVAL, SAMPLE
from p2p_twisted.peer.peers.neighbours import Neighbours
from p2p_twisted.peer.peers.retelling import AGAIN_ROUNDS, Retelling
from p2p_twisted.peer.peers.rounds import REFRESH
from p2p_twisted.peer.serving.hearsay_feed import HearsayFeed
from p2p_twisted.peer.serving.index_feed import KEEPALIVE_INTERVAL
from p2p_twisted.registry.address_book import AddressBook
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.changes import Heard, parse_change
from p2p_twisted.wire.encode import encode_request, encode_response
from p2p_twisted.wire.limits import TTL
from p2p_twisted.wire.messages import GetIndex, Hello, Message, PQuery, Request, Response, Version
from p2p_twisted.wire.records import IndexRecord, encode_record

LATENCY = 0.05
"""Seconds from one peer to another."""
BATCH = 0.3
"""Seconds for which a peer gathers changes of its own files."""
PACKET = 40
"""Bytes of TCP and IP for a message, and for its acknowledgement."""
NEW_A_SECOND = 0.2
"""New documents, besides those that are told again."""
HEAD = "   peers  99% median   worst  all learn  received   sent  heard a s  neighbours  newcomer  seconds"


class Peer:
    """A peer: its neighbours, what it knows, and what it has received and sent, in bytes."""

    def __init__(self, world: World, address: Address) -> None:
        self.address = address
        self.neighbours = Neighbours()
        self.followers: list[Peer] = []
        self.received = self.sent = self.lines = 0
        clock: Any = world.clock
        self.index = DistributedIndex()
        self.feed = HearsayFeed(clock, clock.seconds)
        self.retelling = Retelling(self.index, clock.seconds, lambda: {address})
        self.retelling.is_on = True
        self.retelling.tell = self._learnt
        self._world = world

    @property
    def followed(self) -> set[Address]:
        """The neighbours."""
        return self.neighbours.chosen | set(self.neighbours.greeters)

    def _learnt(self, record: IndexRecord, is_news: bool) -> None:
        self._world.learnt[record.name].append(self._world.clock.now)
        self.feed.tell(record, is_news)

    def first_hand(self, record: IndexRecord) -> None:
        """Take what a neighbour says of itself."""
        self.retelling.first_hand(record)
        self.index.put((record.host, record.port), record, self._world.clock.now)

    def heard(self, teller: Address, body: bytes) -> None:
        """Take lines of hearsay."""
        for record in _records(body):
            self.lines += 1
            self.retelling.heard(teller, record)


class Link:
    """The connection on which `to` follows `teller` and takes hearsay."""

    is_over = False

    def __init__(self, world: World, teller: Peer, to: Peer) -> None:
        self._world = world
        self._teller = teller
        self._to = to

    def tell(self, body: bytes) -> None:
        """Carry lines of hearsay."""
        size = len(body) + head_size(len(body)) + PACKET * (1 + len(body) // 1448)
        _carry(self._teller, self._to, size)
        self._world.clock.callLater(LATENCY, self._to.heard, self._teller.address, body)


class World:
    """An RS and N peers."""

    def __init__(self, n: int) -> None:
        self.clock = Clock()
        self.learnt: dict[str, list[float]] = defaultdict(list)
        """When each document became known to one peer after another."""
        self.born: dict[str, float] = {}
        self.known_to_rs = AddressBook()
        addresses = [(f"10.{i // 62500}.{i // 250 % 250}.{i % 250 + 1}", 65400) for i in range(n)]
        for number, address in enumerate(addresses):
            self.known_to_rs.add(address, number)
        self.peers = {address: Peer(self, address) for address in addresses}
        introduce(self.known_to_rs, {address: peer.neighbours for address, peer in self.peers.items()})
        for peer in self.peers.values():
            self._connect(peer)

    def _connect(self, peer: Peer) -> None:
        for address in sorted(peer.followed):
            teller = self.peers[address]
            teller.followers.append(peer)
            if peer.neighbours.tells(address):
                teller.feed.subscribe(Link(self, teller, peer))

    def run(self, seconds: int, rate: float) -> None:
        """Let `rate` documents a second appear, for so long."""
        for number in range(int(seconds * rate)):
            self.clock.callLater(number / rate, self._appear, f"document-{number}.pdf")
        self.clock.run(seconds)

    def _appear(self, name: str) -> None:
        holder = random.choice(list(self.peers.values()))
        record = IndexRecord(name, "A title of some length", *holder.address, TTL, 10**6, "ab" * 32, "cd" * 32)
        self.born[name] = self.clock.now
        for follower in holder.followers:
            self.clock.callLater(random.uniform(0, BATCH) + LATENCY, follower.first_hand, record)


def _carry(sender: Peer, receiver: Peer, size: int) -> None:
    sender.sent += size
    receiver.received += size
    sender.received += PACKET
    receiver.sent += PACKET


@lru_cache(maxsize=100_000)
def head_size(length: int) -> int:
    """Return the bytes of the head of an answer to a follower, its packet counted."""
    response = Response(200, Version.V11, "10.153.44.85", OS_NAME, length, index=VERSION, since=VERSION)
    return len(encode_response(response))


@lru_cache(maxsize=20_000)
def _records(body: bytes) -> list[IndexRecord]:
    changes = [parse_change(line) for line in body.decode().splitlines()]
    return [change.record for change in changes if isinstance(change, Heard)]


def standing(peer: Peer) -> tuple[float, float]:
    """Return the bytes a second that `peer` receives and sends whatever happens.

    The empty answers to followers, a sample of the RS each minute, and another neighbour every five minutes.
    """
    empty, acknowledged = head_size(0) + PACKET, PACKET
    follows, followed = len(peer.followed), len(peer.followers)
    received = (follows * empty + followed * acknowledged) / KEEPALIVE_INTERVAL
    sent = (followed * empty + follows * acknowledged) / KEEPALIVE_INTERVAL
    own = len(encode_record(RECORD, Version.V11))
    opening = 4 * PACKET  # of a connection, and its end
    received += (opening + head_size(0) + SAMPLE * 18) / REFRESH + (opening + 2 * head_size(0) + own) / RENEW_INTERVAL
    sent += (opening + _size(PQuery(1 << 62, 65400, sample=SAMPLE))) / REFRESH
    sent += (opening + _size(GetIndex()) + _size(Hello(65400)) + own) / RENEW_INTERVAL  # and answers one
    return received, sent


RECORD = IndexRecord(
    "document-1000.pdf", "A title of some length", "10.0.200.200", 65400, TTL, 10**6, "ab" * 32, "cd" * 32
)


def _size(message: Message) -> int:
    return len(encode_request(Request(message, Version.V11, "10.153.44.84", OS_NAME), length=True)) + 2 * PACKET


def newcomer(world: World) -> float:
    """Return the part of all documents older than half a minute that one who comes now knows from two neighbours."""
    listed = listed_in(world.known_to_rs.sample(SAMPLE)[0])
    told: set[str] = set()
    for address in listed[:2]:
        told |= {record.name for record in world.peers[address].index.records(world.clock.now)}
    old = [name for name, born in world.born.items() if born < world.clock.now - 30]
    return len(told.intersection(old)) / len(old)


def row(n: int, seconds: int) -> str:
    """Simulate N peers for so many seconds; return the figures."""
    begun = time.monotonic()
    world = World(n)
    rate = n / (AGAIN_ROUNDS * REFRESH) + NEW_A_SECOND
    world.run(seconds, rate)
    peers = list(world.peers.values())
    late, reached = [], []
    for name, born in world.born.items():
        if born < seconds - 60:
            times = sorted(world.learnt[name])
            reached.append(len(times) / (n - 1))
            late.append(times[int(0.99 * (n - 1))] - born if reached[-1] >= 0.99 else float("inf"))
    fixed = [standing(peer) for peer in peers]
    received = statistics.mean(peer.received / seconds + fix[0] for peer, fix in zip(peers, fixed, strict=True))
    sent = statistics.mean(peer.sent / seconds + fix[1] for peer, fix in zip(peers, fixed, strict=True))
    heard = statistics.mean(peer.lines for peer in peers) / seconds
    most = max(len(peer.followed) for peer in peers)
    return (
        f"{n:8}  {statistics.median(late):8.1f} s  {max(late):4.1f} s  {min(reached):9.2%}"
        f"  {received:8.0f}  {sent:5.0f}  {heard:9.2f}  {most:10}  {newcomer(world):8.1%}"
        f"  {time.monotonic() - begun:7.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulation.discovery", description=__doc__)
    parser.add_argument("--peers", default="100,1000", metavar="N,N", help="numbers of peers (100,1000)")
    parser.add_argument("--seconds", type=int, default=120, help="simulated time (120)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    options = parser.parse_args()
    random.seed(options.seed)
    print(HEAD, flush=True)
    for n in map(int, options.peers.split(",")):
        print(row(n, options.seconds), flush=True)


if __name__ == "__main__":
    main()
