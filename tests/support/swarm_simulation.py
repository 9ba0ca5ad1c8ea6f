"""A swarm in virtual time: real pickers, super-seeding and request windows; links, disks and messages are
arithmetic.

Each peer has an uplink and a downlink. A message takes the latency to arrive. Peers announce their pieces to their
followers, as peer/serving/index_feed.py does. Sizes are in bytes, rates in bytes/s, times in seconds.
"""

from __future__ import annotations

import heapq
import itertools
from random import Random
from typing import Any

from p2p_twisted.library.pieces import piece_count, piece_range, piece_size
from p2p_twisted.peer.serving.index_feed import BATCH_INTERVAL
from p2p_twisted.swarm.picker import Picker
from p2p_twisted.swarm.picker_state import NextRequest, PieceRequest
from p2p_twisted.swarm.source import Source
from p2p_twisted.swarm.super_seeding import SuperSeeding
from tests.support.simulated_uplink import Transfer, Uplink

SNUB_TIMEOUT = 4.0
"""Seconds without a byte after which a source is snubbed, as the swarm has it."""
MAX_HASH_FAILURES = 3
"""Wrong pieces after which a source is banned, as the swarm has it."""
MESSAGE = 300
"""Bytes of an announcement to one follower."""
MBIT = 125_000.0
UP, DOWN = 20 * MBIT, 100 * MBIT


class World:
    """The clock, the peers and the files (size by name)."""

    def __init__(self, files, seed=1, latency=0.005, at_once=1000) -> None:
        """`at_once`: the number of downloaders that a peer sends to at the same time."""
        self.files = dict(files)
        self.counts = {name: piece_count(size) for name, size in self.files.items()}
        self.latency, self.at_once = latency, at_once
        self.random = Random(seed)
        self.now = 0.0
        self.peers, self.unfinished = [], set()
        self._events = []
        self._order = itertools.count()

    def seconds(self):
        return self.now

    def after(self, delay, call, *arguments) -> None:
        heapq.heappush(self._events, (self.now + delay, next(self._order), call, arguments))

    def peer(self, up=UP, down=DOWN, files=(), wants=(), **kind):
        """Add a peer that has `files` from the start, and wants `wants`."""
        peer = Peer(self, ("10.0.0.1", len(self.peers) + 1), up, down, files, wants, **kind)
        self.peers.append(peer)
        return peer

    def run(self, limit=10_000.0, follows=lambda one, other: True):
        """Let every peer fetch what it wants; returns the seconds until the last one, of those who stay, has it.

        `follows(one, other)`: whether one follows the announcements of another. Raises AssertionError after `limit`.
        """
        for one, other in itertools.permutations(self.peers, 2):
            one.meet(other, follows(one, other))
        self.unfinished = {peer for peer in self.peers if peer.wants}
        for peer in self.peers:
            peer.begin()
        while self.unfinished:
            assert self._events, "nothing happens any more"
            self.now, _, call, arguments = heapq.heappop(self._events)
            assert self.now < limit, f"not done after {limit} s"
            call(*arguments)
        return max(peer.finished for peer in self.peers)

    @property
    def duplicate(self):
        """The share of the bytes received that had been received before."""
        return sum(peer.duplicate for peer in self.peers) / sum(peer.received for peer in self.peers)

    def is_elsewhere(self, source):
        """Whether every piece that `source` has from the start exists at another peer too."""
        others = [peer for peer in self.peers if peer is not source and not peer.gone and not peer.is_corrupt]
        return all(
            len(set().union(*(peer.have[name] for peer in others))) == self.counts[name]
            for name in source.complete_at_start
        )


class Peer:
    """One peer. `is_corrupt`: it sends garbage. `stops_at`: it is gone once it has sent so many bytes."""

    def __init__(self, world, address, up, down, files, wants, is_corrupt=False, stops_at=None) -> None:
        self.world, self.address = world, address
        self.wants, self.complete_at_start = list(wants), list(files)
        self.is_corrupt, self.stops_at = is_corrupt, stops_at
        self.have = {name: set(range(count)) if name in files else set() for name, count in world.counts.items()}
        self.uplink, self.super_seeding = Uplink(self, up, world.at_once), SuperSeeding()
        self.picker = Picker(Random(world.random.random()))
        self.sources, self.known, self.followers = {}, {}, []
        self.banned = set()
        self.received = self.duplicate = 0
        self.finished, self.gone = 0.0, False
        self.sent_before_copy = None
        self._down, self._down_free = down, 0.0
        self._new, self._announcing = {}, False
        self._typical_size = max((piece_size(world.files[name]) for name in wants), default=1)

    # the start, and the end

    def meet(self, other, follows) -> None:
        """Know of `other`: what it has from the start is in the index."""
        self.known[other.address] = other
        if follows:
            other.followers.append(self)
        for name in self.wants:
            if name in other.complete_at_start:
                self._connect(other)
                self.picker.state.add_seed(other.address, name)

    def begin(self) -> None:
        for name in self.wants:
            self.picker.state.want(name, self.world.counts[name], range(self.world.counts[name]))
        self._fill_all()
        self.world.after(1, self._tick)

    def stop(self) -> None:
        """Be gone, with all that only this peer has."""
        self.gone = True
        self.world.unfinished.discard(self)
        for other in self.world.peers:
            if other is not self:
                self.world.after(self.world.latency, other.lose, self)

    def lose(self, other) -> None:
        """`other` is gone: there is nobody to answer, or to ask."""
        self.uplink.forget(other)
        self.super_seeding.remove(other)
        self.ban(other)

    def ban(self, other) -> None:
        """Ask `other` no more."""
        self.banned.add(other.address)
        self.sources.pop(other.address, None)
        self.picker.remove_source(other.address)
        other.uplink.forget(self)
        other.super_seeding.remove(self)
        self._fill_all()

    # asking, as swarm/piece_fetcher.py does

    def _connect(self, other) -> None:
        if other.address not in self.sources and other.address not in self.banned:
            self.sources[other.address] = source = Source(other.address, self.world)
            presence: Any = self
            source.connection = presence  # all of it that counts

    def _fill_all(self) -> None:
        for address in list(self.sources):
            self._fill_requests(address)

    def _fill_requests(self, address) -> None:
        source, now = self.sources.get(address), self.world.now
        while source is not None and not self.gone and source.has_room(self._typical_size):
            request = self.picker.next_request(address, now)
            if request is None:
                return
            transfer = Transfer(self.known[address], self, request)
            if not source.outstanding:
                source.received_at = now
            source.outstanding[transfer] = request
            self.world.after(self.world.latency, transfer.sender.uplink.ask, transfer)

    def _tick(self) -> None:
        for source in self.sources.values():
            if source.outstanding and not source.snubbed and self.world.now - source.received_at > SNUB_TIMEOUT:
                source.snubbed = True
                for transfer in source.outstanding:
                    self.picker.release(source.address, transfer.name, transfer.piece)
        self._fill_all()
        if self in self.world.unfinished:
            self.world.after(1, self._tick)

    def refused(self, transfer) -> None:
        source = self.sources.get(transfer.sender.address)
        if source is not None and source.outstanding.pop(transfer, None):
            if transfer.cancelled:
                self.picker.release(source.address, transfer.name, transfer.piece)
            else:
                self.picker.refused(source.address, transfer.request)
            self._fill_requests(source.address)

    def coming(self, transfer, size, is_first, is_last) -> None:
        """A block has left the sender: it goes through this peer's downlink, after what else does."""
        arrives = max(self.world.now + self.world.latency, self._down_free) + size / self._down
        self._down_free = arrives
        self.world.after(arrives - self.world.now, self._arrived, transfer, size, is_first, is_last)

    def _arrived(self, transfer, size, is_first, is_last) -> None:
        source = self.sources.get(transfer.sender.address)
        if source is None or transfer not in source.outstanding or self.gone:
            return
        source.received_at, source.snubbed = self.world.now, False
        source.meter.add(size, self.world.now)
        self.received += size
        if is_first:
            for other in self.picker.started(source.address, transfer.name, transfer.piece, self.world.now):
                self._cancel(other, transfer)
        if is_last:
            del source.outstanding[transfer]
            self._verify(source, transfer)
            self._fill_requests(source.address)

    def _cancel(self, address, arriving) -> None:
        for transfer in self.sources[address].outstanding:
            if (transfer.name, transfer.piece) == (arriving.name, arriving.piece) and not transfer.cancelled:
                transfer.cancelled = True
                self.world.after(self.world.latency, transfer.sender.uplink.cancel, transfer)

    def _verify(self, source, transfer) -> None:
        if transfer.piece in self.have[transfer.name]:
            self.duplicate += transfer.size
        elif transfer.sender.is_corrupt:
            self.picker.hash_failed(source.address, transfer.name, transfer.piece)
            source.hash_failures += 1
            if source.hash_failures == MAX_HASH_FAILURES:
                self.ban(transfer.sender)
            self._fill_all()
        else:
            self._keep(transfer.name, transfer.piece, isinstance(transfer.request, NextRequest))
            transfer.sender.sent_one()

    def _keep(self, name, piece, super_seeded) -> None:
        self.have[name].add(piece)
        self.picker.verified(name, piece)
        if is_complete := len(self.have[name]) == self.world.counts[name]:
            self.picker.state.unwant(name)
        if self.picker.done():
            self.finished = self.world.now
            self.world.unfinished.discard(self)
        self._new.setdefault(name, set()).add(piece)
        if super_seeded or is_complete:
            self._announce()
        elif not self._announcing:
            self._announcing = True
            self.world.after(BATCH_INTERVAL, self._announce)

    # announcing, as peer/serving/index_feed.py does

    def _announce(self) -> None:
        new, self._new, self._announcing = self._new, {}, False
        for follower in self.followers if new and not self.gone else ():
            self.uplink.take(MESSAGE)
            self.world.after(self.world.latency, follower.hear, self, new)

    def hear(self, other, new) -> None:
        """`other` says which pieces it has got."""
        for name, pieces in new.items():
            if name in self.picker.state.files and not self.gone and not other.gone:
                self._connect(other)
                if len(other.have[name]) == self.world.counts[name]:
                    self.picker.state.add_complete(other.address, name)
                else:
                    self.picker.state.add_pieces(other.address, name, pieces)
        self._fill_requests(other.address)

    # serving

    def resolve(self, transfer):
        """Choose the piece that a downloader gets; return whether there is one."""
        if isinstance(transfer.request, PieceRequest):
            found = (transfer.name, transfer.piece) if transfer.piece in self.have[transfer.name] else None
        else:
            wants = ((name, ranges, self.world.counts[name]) for name, ranges in transfer.request.wants)
            found = self.super_seeding.next(transfer.downloader, wants)
        if found is not None:
            transfer.takes(*found, piece_range(self.world.files[found[0]], found[1])[1])
        return found is not None

    def sent_one(self) -> None:
        """A piece from here has arrived: is there another full copy by now? is it this peer's end?"""
        size = sum(self.world.files[name] for name in self.complete_at_start)
        if size and self.sent_before_copy is None and self.uplink.sent >= size and self.world.is_elsewhere(self):
            self.sent_before_copy = self.uplink.sent / size
        if self.stops_at is not None and self.uplink.sent >= self.stops_at and not self.gone:
            self.stop()
