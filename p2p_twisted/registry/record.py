"""The peer record, and the time as the rules are given it; pure."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..wire.address import Address
from ..wire.limits import TTL

COUNTED_SECONDS = 30 * 24 * 3600
"""`registered_count` looks back this many seconds."""

PROTECTED_TIME = 300
"""Seconds since its last renewal for which no other peer can take the address of one; half the TTL if that is less."""

MAX_ACTIVATIONS = 1000
"""Most activations that a record remembers, and the highest `registered_count`."""


class Moment(NamedTuple):
    """A time on both clocks, in seconds.

    TTLs run on a monotonic clock, so that setting the machine's clock neither expires nor revives a peer. Unix time is
    for the fields that people read.
    """

    now: float
    """Monotonic time."""
    wall: float
    """Unix time."""
    deadline: float
    """Monotonic time at which a TTL that starts now runs out."""


@dataclass(frozen=True)
class Clocks:
    """The clocks of a registry, and how long a peer stays active unless it renews: `ttl` seconds."""

    ttl: int = TTL
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time

    def moment(self) -> Moment:
        """Return the present time."""
        now = self.monotonic()
        return Moment(now, self.wall(), now + self.ttl)


@dataclass(slots=True)
class PeerRecord:
    """A peer as the registry knows it. The methods return changed records.

    Two are equal if they are the same but for a renewal, which changes nothing that is decided.
    """

    host: str
    port: int
    cookie: int
    active: bool = False
    deadline: float = field(default=0.0, compare=False)
    """Monotonic time at which the TTL runs out. It means nothing while `active` is false."""
    registered_at: int = 0
    """Unix time of the last Register."""
    activations: tuple[int, ...] = ()
    """Unix times at which the peer became active, oldest first."""
    proven: bool = field(default=False, compare=False)
    """Whether the peer has come back with its cookie: a record that never was used makes room first."""

    @property
    def address(self) -> Address:
        """The address at which the peer listens."""
        return self.host, self.port

    def alive(self, now: float) -> bool:
        """Return whether the peer is active and its TTL has not run out, swept or not."""
        return self.active and self.deadline > now

    def protected(self, at: Moment) -> float:
        """Return for how many seconds more no other peer can take its address, unless it renews; 0 if one can."""
        if not self.alive(at.now):
            return 0.0
        ttl = at.deadline - at.now
        return max(0.0, self.deadline - ttl + min(PROTECTED_TIME, ttl / 2) - at.now)

    def registered(self, address: Address, at: Moment) -> PeerRecord:
        """Return the record after a Register from `address`, which may be a new one."""
        proven = bool(self.activations)
        return PeerRecord(*address, self.cookie, True, at.deadline, int(at.wall), self._activations(at), proven)

    def renewed(self, at: Moment) -> PeerRecord:
        """Return the record with a new TTL; a peer that was inactive becomes active."""
        activations = self._activations(at)
        return PeerRecord(self.host, self.port, self.cookie, True, at.deadline, self.registered_at, activations, True)

    def inactive(self) -> PeerRecord:
        """Return the record of the peer when it has left, lost its address or run out of TTL."""
        return replace(self, active=False)

    def _activations(self, at: Moment) -> tuple[int, ...]:
        if self.alive(at.now):
            return self.activations
        kept = [time for time in self.activations if time > at.wall - COUNTED_SECONDS]
        return *kept[1 - MAX_ACTIVATIONS :], int(at.wall)

    def ttl(self, now: float) -> int:
        """Return the whole seconds until the TTL runs out, rounded up; 0 for an inactive peer."""
        return max(0, math.ceil(self.deadline - now)) if self.active else 0

    def registered_count(self, wall: float) -> int:
        """Return the number of activations in the last 30 days."""
        return sum(time > wall - COUNTED_SECONDS for time in self.activations)
