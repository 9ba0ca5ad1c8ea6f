"""When an address that could not be reached may be dialled again: shared by all who dial it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..wire.address import Address
from .errors import Unreachable
from .remembered import Remembered

FIRST_BACKOFF, LAST_BACKOFF = 1.0, 30.0
"""Seconds for which an address is not dialled after its first failure, and at most; doubled with each in a row."""
MEMORY = 600.0
"""Seconds after its last failure in which an address counts as failed."""


@dataclass(frozen=True)
class _Failed:
    times: int
    until: float
    why: str


class Backoff:
    """The failures of addresses, in a row. `now` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failed: Remembered[_Failed] = Remembered(now, MEMORY)

    def failures(self, address: Address) -> int:
        """Return how often `address` has failed since it last answered."""
        failed = self._failed.get(address)
        return 0 if failed is None else failed.times

    def check(self, address: Address) -> None:
        """Raise Unreachable, with the reason of the last failure, if it is too early to dial `address` again."""
        failed = self._failed.get(address)
        if failed is not None and self._now() < failed.until:
            raise Unreachable(failed.why)

    def failed(self, address: Address, why: Exception) -> None:
        """Note that `address` could not be reached, because of `why`."""
        times = self.failures(address)
        pause = min(FIRST_BACKOFF * 2.0 ** min(times, 10), LAST_BACKOFF)
        self._failed.put(address, _Failed(times + 1, self._now() + pause, str(why)))

    def answered(self, address: Address) -> None:
        """Note that `address` has answered."""
        self._failed.forget(address)
