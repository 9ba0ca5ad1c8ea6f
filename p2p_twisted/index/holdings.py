"""Who has which content at one time, looked up quickly for very many documents."""

from __future__ import annotations

from collections.abc import Sequence

from .packed import hash_of
from .statement import Statement
from .store import Store
from .table import Entry

Known = list[tuple[bytes, int]]
"""What is said of a document (see `packed`), and how many holders it has; different things for different contents."""


class Holdings:
    """What is said by the statements in `store` that count at one time."""

    def __init__(self, store: Store, counting: Sequence[Statement]) -> None:
        """Make it of those that are `counting`."""
        self._store = store
        self._first_hand = frozenset(one.number for one in counting if one.is_first_hand)
        self._hearsay = frozenset(one.number for one in counting if not one.is_first_hand)
        self._counting = self._first_hand | self._hearsay

    def of(self, name: str, own: bytes | None = None) -> Known:
        """Return what is known of the document `name`, of which this peer itself says `own`.

        Hearsay is left out where a holder has spoken itself.
        """
        entries = self._store.said(name)
        known = _known(entries, self._first_hand)
        if own is not None:
            known.append((own, 1))
        return known or _known(entries, self._hearsay)

    def contents(self, names: Sequence[str]) -> list[int]:
        """Return the number of contents of each of these documents, of which this peer has none."""
        has_none = self._counting.isdisjoint
        return [
            contents(self.of(name)) if entry is None else 0 if has_none(entry[1]) else 1
            for name, entry in zip(names, self._store.said_alone(names), strict=True)
        ]


def contents(known: Known) -> int:
    """Return the number of contents in `known`, which is of one document. What has no hash joins one that has."""
    if len(known) < 2:
        return len(known)
    hashes = {hash_of(packed) for packed, _ in known}
    return len(hashes) - (len(hashes) > 1 and b"" in hashes)


def _known(entries: tuple[Entry, ...], counting: frozenset[int]) -> Known:
    return [
        (packed, len(counting.intersection(numbers))) for packed, numbers in entries if not counting.isdisjoint(numbers)
    ]
