"""What is remembered of addresses for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from ..wire.address import Address

T = TypeVar("T")

MAX_REMEMBERED = 10_000
"""Addresses remembered at most, those that were noted last."""


class Remembered(Generic[T]):
    """Values of addresses; each is forgotten `seconds` after it was noted. `now` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float], seconds: float, most: int = MAX_REMEMBERED) -> None:
        self._now = now
        self._seconds = seconds
        self._most = most
        self._values: dict[Address, tuple[T, float]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, address: Address) -> T | None:
        """Return the value of `address`, None if there is none any more."""
        value, noted = self._values.get(address, (None, 0.0))
        return value if value is not None and self._now() - noted < self._seconds else None

    def put(self, address: Address, value: T) -> None:
        """Note the value of `address`."""
        self._values.pop(address, None)
        self._values[address] = value, self._now()
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]

    def forget(self, address: Address) -> None:
        """Forget the value of `address`, if there is one."""
        self._values.pop(address, None)
