"""The answer to GET search, of docs/api.rst, as dataclasses: see ``schema``."""

from __future__ import annotations

from dataclasses import dataclass

from .schema import IndexedDocument


@dataclass(frozen=True)
class RfcView:
    """What the head of an RFC says, and which other RFCs say of it that they obsolete or update it."""

    number: int
    category: str
    date: str
    authors: list[str]
    obsoletes: list[int]
    updates: list[int]
    obsoleted_by: list[int]
    updated_by: list[int]


@dataclass(frozen=True)
class SearchHit:
    """A document that was found. `marks` are ranges of characters (first, last) of `passage`."""

    document: IndexedDocument
    passage: str
    marks: list[list[int]]
    rfc: RfcView | None


@dataclass(frozen=True)
class SearchPage:
    """The best documents, the best first; other peers that were asked, and those that have answered."""

    items: list[SearchHit]
    asked: int
    answered: int
