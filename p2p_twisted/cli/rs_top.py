"""The table of ``p2p rs top``: what an RS did between two looks at its status."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..events.durations import BOUNDS
from ..rs.counts import LIMITS, METHODS, OTHER
from ..web.control_client import ControlClient
from .output import clean, duration

INTERVAL = 1.0
"""Seconds between two looks."""

HEADINGS = ("requests", "granted/s", "refused/s", "half within", "99 % within")

Counts = Mapping[str, float]


class Frame:
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


def watch(client: ControlClient) -> None:
    """Show the frames in the terminal until q is pressed. Raises ControlError when the RS ends."""
    from rich.live import Live

    with _keys() as pressed, Live(screen=True, auto_refresh=False) as live:
        before, seen = None, time.monotonic()
        while True:
            status, now = client.get("status"), time.monotonic()
            live.update(_table(Frame(status, before, now - seen)), refresh=True)
            before, seen = status, now
            if pressed(INTERVAL) in ("q", "Q"):
                return


def _table(frame: Frame) -> Any:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == HEADINGS[0] else "right")
    for row in frame.rows():
        table.add_row(*row)
    lines = [f"{name:12}{clean(value)}" for name, value in frame.facts()]
    return Group(Text("\n".join(lines)), Text(), table, Text("q quits", style="dim"))


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Yield a function that waits so many seconds for a key, and returns it, or "" for none."""
    if not sys.stdin.isatty():
        yield _no_key
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield _pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _no_key(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def _pressed(seconds: float) -> str:
    ready: Sequence[Any] = select.select([sys.stdin], [], [], seconds)[0]
    return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace") if ready else ""
