"""The answer to GET search, of docs/api.rst, as dataclasses: see ``schema``."""

from __future__ import annotations

from ...wire.quick_dataclass import quick_dataclass
from .schema import IndexedDocument


@quick_dataclass(frozen=True)
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


@quick_dataclass(frozen=True)
class SearchHit:
    """A document that was found. `marks` are ranges of characters (first, last) of `passage`."""

    document: IndexedDocument
    passage: str
    marks: list[list[int]]
    rfc: RfcView | None


@quick_dataclass(frozen=True)
class SearchPage:
    """The best documents, the best first; other peers that were asked, and those that have answered."""

    items: list[SearchHit]
    asked: int
    answered: int
