"""The table of ``p2p rs top``: what an RS did between two looks at its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events.durations import BOUNDS
from ..rs.counts import LIMITS, METHODS, OTHER
from .live import Rows
from .output import duration

HEADINGS = ("requests", "granted/s", "refused/s", "half within", "99 % within")

Counts = Mapping[str, float]


class RsFrame:
    """What happened between two statuses, `seconds` apart; without an earlier one, since the start of the RS."""

    def __init__(self, status: Mapping[str, Any], before: Mapping[str, Any] | None = None, seconds: float = 0) -> None:
        self.status = status
        earlier: Counts = before["counts"] if before else {}
        self._seconds = seconds if before else max(1.0, status["uptime"])
        self._counts = {name: number - earlier.get(name, 0.0) for name, number in status["counts"].items()}

    def facts(self) -> list[tuple[str, str]]:
        """Return pairs of a word and what it stands for."""
        status = self.status
        return [
            ("up", duration(status["uptime"])),
            ("peers", f"{status['active']} active, {status['records']} records"),
            ("connections", str(status["connections"])),
            ("registry", f"{self._rate('commits')} commits/s, {status['waiting']} records wait"),
            ("delays", f"99 % within {self._quantile('delays', 0.99)}"),
            ("limits", self._limits()),
        ]

    def tables(self) -> list[Rows]:
        """Return the table of the methods."""
        return [Rows(HEADINGS, self.rows())]

    def rows(self) -> list[tuple[str, ...]]:
        """Return the fields of each method, in the order of HEADINGS."""
        return [self._row(method) for method in (*METHODS, OTHER)]

    def _row(self, method: str) -> tuple[str, ...]:
        granted = self._counts[f"requests {method} 200"]
        whole = sum(number for name, number in self._counts.items() if name.startswith(f"requests {method} "))
        times = [self._quantile(f"seconds {method}", share) for share in (0.5, 0.99)]
        return method, self._per_second(granted), self._per_second(whole - granted), *times

    def _rate(self, name: str) -> str:
        return self._per_second(self._counts[name])

    def _per_second(self, number: float) -> str:
        rate = number / self._seconds
        return f"{rate:.0f}" if rate >= 10 or rate == 0 else f"{rate:.2f}"

    def _quantile(self, name: str, share: float) -> str:
        """Return the bound within which `share` of the durations are that are counted as `name`; ``-`` for none."""
        numbers = [self._counts.get(f"{name} {bound:g}", 0.0) for bound in (*BOUNDS, float("inf"))]
        wanted, total = share * sum(numbers), 0.0
        if not wanted:
            return "-"
        for bound, number in zip(BOUNDS, numbers, strict=False):
            total += number
            if total >= wanted:
                return f"{bound * 1000:g} ms" if bound < 1 else f"{bound:g} s"
        return f"over {BOUNDS[-1]:g} s"

    def _limits(self) -> str:
        hits = [(name, self._counts.get(f"limits {name}", 0.0)) for name in LIMITS]
        return ", ".join(f"{name} {self._per_second(number)}/s" for name, number in hits if number) or "none hit"
