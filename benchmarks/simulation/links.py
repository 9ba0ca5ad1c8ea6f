"""Links without packets: what is sent over one goes through it in the order in which it came, at its rate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Link:
    """One direction of a host's connection to the network. Times are seconds of virtual time."""

    rate: float
    """Bytes a second."""
    queue: float = 0.05
    """Seconds of its rate that wait in the link itself, where a small message stands behind them."""
    free_at: float = 0.0
    """When all that was sent so far is through."""
    carried: int = 0
    """Bytes sent so far."""

    def delay(self, now: float) -> float:
        """Return how long (seconds) a small message that is sent at `now` waits behind others."""
        return min(max(self.free_at - now, 0.0), self.queue)

    def time(self, size: int) -> float:
        """Return how long (seconds) `size` bytes alone take."""
        return size / self.rate

    def send(self, size: int, now: float) -> Transfer:
        """Send `size` bytes that are there at `now`, after those that were sent before."""
        begun = max(now, self.free_at)
        self.free_at = begun + self.time(size)
        self.carried += size
        return Transfer(size, begun, self.free_at)

    def take(self, size: int, now: float) -> float:
        """Take `size` bytes, of which the last has come at `now`; return when it is through, if others delay it."""
        self.free_at = max(now, self.free_at + size / self.rate)
        self.carried += size
        return self.free_at


@dataclass(slots=True)
class Transfer:
    """Bytes that leave an uplink evenly from `begun` to `left`."""

    size: int
    begun: float
    left: float

    def unsent(self, now: float) -> int:
        """Return the bytes that have not left at `now`."""
        if now >= self.left:
            return 0
        return self.size if now <= self.begun else int(self.size * (self.left - now) / (self.left - self.begun))
