"""The documents of which other peers speak, each in memory once however many peers have it.

Who is the first to speak of a document pays for its memory, all others for a reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from .statement import DEAD, Statement

DOCUMENT_COST = 230
"""Bytes of memory for a document, besides its name and what is said of it."""
REFERENCE_COST = 10
"""Bytes of memory for each further statement about it."""
STEP = 250
"""Documents looked at in one step of a sweep."""


class Variant:
    """What `statements` say of a document; `other` is the next of its name of which something else is said."""

    __slots__ = ("other", "packed", "statements")

    def __init__(self, packed: bytes, statement: Statement, other: Variant | None) -> None:
        self.packed = packed
        self.statements = statement.alone
        self.other = other


class Table:
    """Variants by the names of the documents."""

    def __init__(self) -> None:
        self._first: dict[str, Variant] = {}

    def names(self) -> list[str]:
        """Return the names of all documents, also of those of which no statement counts any more."""
        return list(self._first)

    def variants(self, name: str) -> Iterator[Variant]:
        """Yield all that is said of the document `name`."""
        variant = self._first.get(name)
        while variant is not None:
            yield variant
            variant = variant.other

    def find(self, name: str, statement: Statement) -> Variant | None:
        """Return what `statement` says of the document `name`, None if it is nothing."""
        for variant in self.variants(name):
            if statement in variant.statements:
                return variant
        return None

    def variant(self, name: str, packed: bytes) -> Variant | None:
        """Return the variant of `name` of which this is said."""
        for variant in self.variants(name):
            if variant.packed == packed:
                return variant
        return None

    def add(self, name: str, packed: bytes, variant: Variant | None, statement: Statement) -> None:
        """Add to `statement` that it says `packed` of the document `name`; `variant` is the one that is there."""
        if variant is None:
            self._first[name] = Variant(packed, statement, self._first.get(name))
            statement.account.pay(cost(name, packed))
        else:
            variant.statements = (*variant.statements, statement)
            statement.account.pay(REFERENCE_COST)
        statement.count += 1

    def remove(self, name: str, variant: Variant, statement: Statement) -> None:
        """Remove from `statement` what it says of `name`."""
        rest = tuple(other for other in variant.statements if other is not statement)
        if variant.statements[0] is not statement:
            statement.account.pay(-REFERENCE_COST)
        else:
            size = cost(name, variant.packed)
            statement.account.pay(-size)
            if rest:
                rest[0].account.pay(size - REFERENCE_COST)
        variant.statements = rest
        statement.count -= 1
        if not rest:
            self._unlink(name, variant)

    def _unlink(self, name: str, variant: Variant) -> None:
        first = self._first[name]
        if first is not variant:
            before = next(one for one in self.variants(name) if one.other is variant)
            before.other = variant.other
        elif variant.other is None:
            del self._first[name]
        else:
            self._first[name] = variant.other

    def sweep(self) -> Iterator[None]:
        """Remove what dead statements say, and what accounts have in excess, in small steps."""
        for number, name in enumerate(self.names(), 1):
            for variant in self.variants(name):
                for statement in variant.statements:
                    if statement.state == DEAD or statement.account.excess > 0:
                        self.remove(name, variant, statement)
            if number % STEP == 0:
                yield


def cost(name: str, packed: bytes) -> int:
    """Return the bytes of memory that a document takes."""
    return DOCUMENT_COST + len(packed) + len(name) * (1 if name.isascii() else 4)
