"""When what could not be fetched for a want is tried again. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

FIRST_PAUSE, LAST_PAUSE = 10.0, 3600.0
"""Seconds before a content that failed is tried again, and at most; doubled with each failure in a row."""

Key = tuple[str, str]
"""The id of a want, and a name."""


@dataclass(frozen=True)
class _Failed:
    sha256: str
    pause: float
    until: float


class Retries:
    """The contents that have failed. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._failed: dict[Key, _Failed] = {}

    def may_try(self, key: Key, sha256: str, now: float) -> bool:
        """Return whether this content may be fetched now: it has not failed, or long enough ago."""
        failed = self._failed.get(key)
        return failed is None or failed.sha256 != sha256 or failed.until <= now

    def failed(self, key: Key, sha256: str, now: float, pause: float | None = None) -> None:
        """Note a failure; with `pause`, so long a pause follows."""
        before = self._failed.get(key)
        doubled = 2 * before.pause if before is not None and before.sha256 == sha256 else FIRST_PAUSE
        seconds = min(doubled, LAST_PAUSE) if pause is None else pause
        self._failed[key] = _Failed(sha256, seconds, now + seconds)

    def forget(self, keys: Iterable[Key]) -> None:
        """Forget failures: these documents have come, or are not wanted any more."""
        for key in keys:
            self._failed.pop(key, None)

    def of(self, want: str) -> list[Key]:
        """Return the failures of one want."""
        return [key for key in self._failed if key[0] == want]

    def due(self, now: float) -> set[str]:
        """Return the names that may be tried again."""
        return {name for (_, name), failed in self._failed.items() if failed.until <= now}

    def next(self, now: float) -> float:
        """Return when the next one may be, infinity if none is waiting."""
        return min((failed.until for failed in self._failed.values() if failed.until > now), default=math.inf)
