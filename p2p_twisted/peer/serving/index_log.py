"""The versions of an index, and the names that have changed since each. Pure."""

from __future__ import annotations

import itertools
import secrets
from collections import deque
from collections.abc import Iterable

MAX_REMEMBERED = 10_000
"""Most changes of the index that are remembered; a follower further behind gets the whole index."""


class IndexLog:
    """The changes of an index so far, the latest `most` (else MAX_REMEMBERED) by name."""

    def __init__(self, most: int | None = None) -> None:
        self.epoch = secrets.token_hex(6)
        self.number = 1
        self._log: deque[tuple[int, str]] = deque(maxlen=most or MAX_REMEMBERED)

    @property
    def version(self) -> str:
        """The present version of the index."""
        return f"{self.epoch}.{self.number}"

    @staticmethod
    def is_before(version: str, other: str) -> bool:
        """Return whether `version` is older than `other`; both are of this log."""
        return int(version.rpartition(".")[2]) < int(other.rpartition(".")[2])

    def add(self, names: Iterable[str]) -> None:
        """Add a change of the documents `names`."""
        self.number += 1
        self._log.extend((self.number, name) for name in names)

    def names_since(self, version: str) -> set[str] | None:
        """Return the names that have changed since `version`; None if not every change since then is remembered."""
        epoch, _, number = version.partition(".")
        if epoch != self.epoch or not number.isdigit() or int(number) > self.number:
            return None
        forgotten = self._log[0][0] if len(self._log) == self._log.maxlen else 1
        if int(number) < forgotten:
            return None
        return {name for _, name in itertools.takewhile(lambda entry: entry[0] > int(number), reversed(self._log))}
