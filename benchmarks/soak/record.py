"""The record of a soak: what was done when, who ran when, and who had which content when. Plain; no I/O."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    """One content: its size in bytes, which no other content has, and its SHA-256 (hex)."""

    size: int
    sha256: str


@dataclass
class Span:
    """A time from ``start`` to ``end`` (monotonic seconds; None: it goes on)."""

    start: float
    end: float | None

    def covers(self, start: float, end: float) -> bool:
        """Whether all of the time from ``start`` to ``end`` is in it."""
        return self.start <= start and (self.end is None or end <= self.end)

    def meets(self, start: float, end: float) -> bool:
        """Whether any of the time from ``start`` to ``end`` is in it."""
        return self.start <= end and (self.end is None or start <= self.end)


@dataclass
class Holding(Span):
    """``peer`` has the content ``version`` on its disk under ``name``, from ``start`` to ``end``."""

    peer: str
    name: str
    version: Version


class Record:
    """Notes what happens to the peers of a soak, and answers who had what all the time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.lines: list[str] = []
        """One for each thing that happened, with seconds since the beginning."""
        self.now = now
        self._start = now()
        self._lives: dict[str, list[Span]] = {}
        self._holdings: dict[tuple[str, str], Holding] = {}
        self._ended: list[Holding] = []
        self._known: set[tuple[str, str]] = set()

    def note(self, text: str) -> None:
        """Write down that ``text`` happens now."""
        self.lines.append(f"{self.at(self.now())} {text}")

    def at(self, when: float) -> str:
        """Write a time as in the record."""
        return f"{when - self._start:7.2f}"

    # lives

    def started(self, peer: str) -> None:
        """``peer`` runs from now on."""
        self._lives.setdefault(peer, []).append(Span(self.now(), None))
        self.note(f"{peer} runs")

    def ended(self, peer: str, how: str) -> None:
        """``peer`` runs no more from now on; call it before the signal is sent."""
        self._lives[peer][-1].end = self.now()
        self.note(f"{peer} {how}")

    def lived(self, peer: str, start: float, end: float) -> bool:
        """Whether ``peer`` ran all the time from ``start`` to ``end``."""
        return any(byte_range.covers(start, end) for byte_range in self._lives.get(peer, ()))

    # contents

    def held(self, peer: str, name: str, version: Version, since: float | None = None) -> None:
        """``peer`` has ``version`` as ``name``, completely written, since a time (default: now)."""
        self.dropped(peer, name)
        self._holdings[peer, name] = Holding(self.now() if since is None else since, None, peer, name, version)

    def dropped(self, peer: str, name: str) -> None:
        """``peer`` has no longer what it had as ``name``; call it before the disk is touched."""
        self._known.add((peer, name))
        holding = self._holdings.pop((peer, name), None)
        if holding is not None:
            holding.end = self.now()
            self._ended.append(holding)

    def holders(self, start: float, end: float) -> Iterator[Holding]:
        """Yield what a peer that ran had, unchanged, all the time from ``start`` to ``end``."""
        for holding in (*self._ended, *self._holdings.values()):
            if holding.covers(start, end) and self.lived(holding.peer, start, end):
                yield holding

    def documents(self, peer: str) -> list[tuple[str, Version]]:
        """Return what ``peer`` has now, as far as the record knows: names and contents."""
        return [(name, holding.version) for (role, name), holding in self._holdings.items() if role == peer]

    def contents(self, name: str, start: float, end: float) -> set[Version]:
        """Return all contents that somebody had under ``name`` at some time from ``start`` to ``end``."""
        every = (*self._ended, *self._holdings.values())
        return {holding.version for holding in every if holding.name == name and holding.meets(start, end)}

    def knew(self, peer: str, name: str) -> bool:
        """Whether ``peer`` ever had a file of that name that a user or an order dealt with."""
        return (peer, name) in self._known
