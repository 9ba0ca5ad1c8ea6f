"""A live view in the terminal, as ``p2p top`` and ``p2p rs top`` show it: facts and tables, made anew each second."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .output import clean, print_facts, say

INTERVAL = 1.0
"""Seconds between two looks."""

Look = TypeVar("Look")


@dataclass(frozen=True)
class Rows:
    """A table: its headings, the texts of its fields, and how many of its columns, the first ones, are words."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


class Frame(Protocol):
    """What is shown at one time."""

    def facts(self) -> list[tuple[str, str]]:
        """Return pairs of a word and what it stands for."""

    def tables(self) -> list[Rows]:
        """Return the tables below them."""


def print_once(frame: Frame) -> None:
    """Print `frame` for a program: each fact, and each row of the tables, on a line."""
    print_facts(frame.facts())
    for table in frame.tables():
        for row in table.rows:
            say("\t".join(clean(field) for field in row))


def watch(look: Callable[[], Look], frame: Callable[[Look, Look | None, float], Frame]) -> None:
    """Show frames in the terminal until q is pressed.

    `frame` makes one of what `look` returns, what it returned before (None at first), and the seconds between the two.
    Raises what `look` raises: ControlError when the process ends.
    """
    from rich.live import Live

    with _keys() as pressed, Live(screen=True, auto_refresh=False) as live:
        before, seen = None, time.monotonic()
        while True:
            present, now = look(), time.monotonic()
            live.update(_drawn(frame(present, before, now - seen)), refresh=True)
            before, seen = present, now
            if pressed(INTERVAL) in ("q", "Q"):
                return


def _drawn(frame: Frame) -> Any:
    from rich.console import Group
    from rich.text import Text

    lines = [f"{name:12}{clean(value)}" for name, value in frame.facts()]
    tables = [part for rows in frame.tables() for part in (Text(), _table(rows))]
    return Group(Text("\n".join(lines)), *tables, Text("q quits", style="dim"))


def _table(shown: Rows) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(shown.headings):
        table.add_column(heading, justify="left" if number < shown.words else "right")
    for row in shown.rows:
        table.add_row(*(Text(clean(field)) for field in row))
    return table


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
