"""The documents of which other peers speak, each in memory once however many peers have it.

Who is the first to speak of a document pays for its memory, all others for a reference. A document is in plain tuples
of bytes and numbers, of which Python's collector of cycles keeps no list: with an object for each of 100 000 documents
it would stop the process for 0.1 s each time that it looks at all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .statement import DEAD, Statement

DOCUMENT_COST = 240
"""Bytes of memory for a document, besides its name and what is said of it."""
REFERENCE_COST = 10
"""Bytes of memory for each further statement about it."""
STEP = 250
"""Documents looked at in one step of a sweep."""

Entry = tuple[bytes, tuple[int, ...]]
"""What is said of a document, and the numbers of the statements that say it."""


class Variant(NamedTuple):
    """What `statements` say of a document."""

    packed: bytes
    statements: list[Statement]


class Table:
    """Variants by the names of the documents."""

    def __init__(self, statements: Mapping[int, Statement]) -> None:
        """Make an empty table for what `statements` say, which are there by their numbers."""
        self._statements = statements
        self._first: dict[str, Entry] = {}
        self._others: dict[str, tuple[Entry, ...]] = {}
        """Of the few names of which several things are said: all but the first."""

    def names(self) -> list[str]:
        """Return the names of all documents, also of those of which no statement counts any more."""
        return list(self._first)

    def variants(self, name: str) -> list[Variant]:
        """Return all that is said of the document `name`."""
        return [self._variant(entry) for entry in self.entries(name)]

    def entries(self, name: str) -> tuple[Entry, ...]:
        """Return all that is said of the document `name`, as it is kept."""
        first = self._first.get(name)
        if first is None:
            return ()
        return (first, *self._others[name]) if name in self._others else (first,)

    def sole_entries(self, names: Iterable[str]) -> list[Entry | None]:
        """Return what is said of each of these documents, None where it is nothing, or several things."""
        first, others = self._first, self._others
        return [None if name in others else first.get(name) for name in names]

    def variant(self, name: str, packed: bytes) -> Variant | None:
        """Return the variant of `name` of which this is said."""
        entry = self._entry(name, packed)
        return None if entry is None else self._variant(entry)

    def says(self, statement: Statement, name: str, packed: bytes) -> bool:
        """Return whether `statement` says just that of the document `name`."""
        entry = self._entry(name, packed)
        return entry is not None and statement.number in entry[1]

    def find(self, name: str, statement: Statement) -> bytes | None:
        """Return what `statement` says of the document `name`, None if it is nothing."""
        return next((packed for packed, numbers in self.entries(name) if statement.number in numbers), None)

    def _variant(self, entry: Entry) -> Variant:
        return Variant(entry[0], [self._statements[number] for number in entry[1]])

    def _entry(self, name: str, packed: bytes) -> Entry | None:
        return next((entry for entry in self.entries(name) if entry[0] == packed), None)

    def _put(self, name: str, packed: bytes, numbers: tuple[int, ...]) -> None:
        """Let the statements with these `numbers` say `packed` of the document `name`, and no others."""
        entries = {**dict(self.entries(name)), packed: numbers}
        said = tuple(entry for entry in entries.items() if entry[1])
        if said:
            self._first[name] = said[0]
        else:
            del self._first[name]
        if len(said) > 1:
            self._others[name] = said[1:]
        else:
            self._others.pop(name, None)

    def add(self, name: str, packed: bytes, statement: Statement) -> None:
        """Add to `statement` that it says `packed` of the document `name`, of which it says nothing yet."""
        entry = self._entry(name, packed)
        if entry is None:
            self._put(name, packed, statement.alone)
            statement.account.pay(cost(name, packed))
        else:
            self._put(name, packed, (*entry[1], statement.number))
            statement.account.pay(REFERENCE_COST)
        statement.count += 1

    def remove(self, name: str, packed: bytes, statement: Statement) -> None:
        """Remove from `statement` that it says `packed` of `name`."""
        numbers = dict(self.entries(name))[packed]
        rest = tuple(number for number in numbers if number != statement.number)
        if numbers[0] != statement.number:
            statement.account.pay(-REFERENCE_COST)
        else:
            size = cost(name, packed)
            statement.account.pay(-size)
            if rest:
                self._statements[rest[0]].account.pay(size - REFERENCE_COST)
        self._put(name, packed, rest)
        statement.count -= 1

    def sweep(self) -> Iterator[None]:
        """Remove what dead statements say, and what accounts have in excess, in small steps."""
        for number, name in enumerate(self.names(), 1):
            for packed, statements in self.variants(name):
                for statement in statements:
                    if statement.state == DEAD or statement.account.excess > 0:
                        self.remove(name, packed, statement)
            if number % STEP == 0:
                yield


def cost(name: str, packed: bytes) -> int:
    """Return the bytes of memory that a document takes."""
    return DOCUMENT_COST + len(packed) + len(name) * (1 if name.isascii() else 4)
