"""The status of all workers together; pure. They share one registry, and each has its own connections and counts."""

from __future__ import annotations

from collections import Counter

from ..web.api.rs_schema import RsStatus


class SummedStatus:
    """The last status of each worker that runs, and the counts of those that have ended: no sum ever falls."""

    def __init__(self) -> None:
        self._last: dict[int, RsStatus] = {}
        self._ended: Counter[str] = Counter()

    def put(self, number: int, status: RsStatus) -> None:
        """Take the present status of the worker `number`."""
        self._last[number] = status

    def ended(self, number: int) -> None:
        """Keep the counts of a worker that has ended."""
        status = self._last.pop(number, None)
        if status is not None:
            self._ended.update(status.counts)

    def problem(self) -> str | None:
        """Return why no worker can register a peer; None if one can."""
        problems = [status.problem for status in self._last.values()]
        if None in problems:
            return None
        return problems[0] if problems else "no worker is running"

    def status(self, version: str, uptime: int, ttl: int) -> RsStatus:
        """Return the status of the whole RS, of which the supervisor knows the version, uptime and TTL (seconds)."""
        found = list(self._last.values())
        return RsStatus(
            role="rs",
            version=version,
            uptime=uptime,
            ttl=ttl,
            active=max((status.active for status in found), default=0),
            records=max((status.records for status in found), default=0),
            connections=sum(status.connections for status in found),
            waiting=sum(status.waiting for status in found),
            counts=self.counts(),
            workers=len(found),
            problem=self.problem(),
        )

    def counts(self) -> dict[str, float]:
        """Return the counts of all workers that there were, together."""
        total = Counter(self._ended)
        for status in self._last.values():
            total.update(status.counts)
        return dict(total)
