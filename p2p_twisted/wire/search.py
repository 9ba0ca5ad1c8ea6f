"""The lines of an answer to SEARCH INDEX, one for each document that was found, the best first."""

from __future__ import annotations

import re
from dataclasses import field

from . import fields
from .errors import BadRequest
from .limits import MAX_FACT, MAX_PASSAGE, MAX_RFC, MAX_RFCS, MAX_TITLE
from .quick_dataclass import quick_dataclass
from .ranges import Ranges, format_ranges, parse_ranges

MAX_WEIGHT = 2200
"""The largest weight of a document, in thousandths: what one term adds to BM25 at most, k1 being 1.2, if its rarity is
left out. So weights can be compared that peers with other documents give."""
NONE = "-"
"""Stands for a field without a value."""

_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}", re.ASCII)


@quick_dataclass(frozen=True)
class RfcFacts:
    """What the head of an RFC says; all of it is missing from other documents.

    `date` is ``YYYY-MM`` or ``YYYY-MM-DD``, `authors` are separated by ``; ``, the tuples have numbers of RFCs.
    """

    number: int | None = None
    category: str = ""
    date: str = ""
    authors: str = ""
    obsoletes: tuple[int, ...] = ()
    updates: tuple[int, ...] = ()


@quick_dataclass(frozen=True)
class Hit:
    """A document that was found; `weight` says how well it fits, from 0 to MAX_WEIGHT.

    `passage` is a part of its text, "" if there is none, and `marks` the ranges of characters in it that are terms.
    """

    name: str
    title: str
    size: int
    sha256: str
    weight: int
    facts: RfcFacts = field(default_factory=RfcFacts)
    passage: str = ""
    marks: Ranges = ()


def encode_hit(hit: Hit) -> str:
    """Return one line, without its line end: fourteen fields separated by tabs."""
    facts = hit.facts
    rfc = (
        NONE if facts.number is None else str(facts.number),
        facts.category or NONE,
        facts.date or NONE,
        facts.authors or NONE,
        _format_numbers(facts.obsoletes) or NONE,
        _format_numbers(facts.updates) or NONE,
    )
    head = *fields.split_type(hit.name), hit.title, str(hit.size), hit.sha256, str(hit.weight)
    return "\t".join((*head, *rfc, format_ranges(hit.marks) or NONE, hit.passage))


def parse_hit(line: str) -> Hit:
    """Return the document in a line of an answer: the inverse of `encode_hit`. Raises BadRequest."""
    parts = line.split("\t")
    if len(parts) != 14:
        raise BadRequest("a document that was found has fourteen fields, parted by tabs")
    stem, kind, title, size, sha256, weight, *rfc, marks, passage = parts
    found = Hit(
        fields.name(fields.join_type(stem, kind)),
        _text(title, "title", MAX_TITLE),
        fields.number(size, "size"),
        fields.sha256(sha256),
        fields.number(weight, "weight", 0, MAX_WEIGHT),
        _facts(*rfc),
        _text(passage, "passage", MAX_PASSAGE),
        () if marks == NONE else parse_ranges(marks),
    )
    if found.marks and found.marks[-1][1] >= len(passage):
        raise BadRequest("marks must be inside the passage")
    return found


def _facts(number: str, category: str, date: str, authors: str, obsoletes: str, updates: str) -> RfcFacts:
    if date != NONE and not _DATE.fullmatch(date):
        raise BadRequest("the date of an RFC must be YYYY-MM or YYYY-MM-DD")
    return RfcFacts(
        None if number == NONE else fields.number(number, "RFC", 1, MAX_RFC),
        "" if category == NONE else _text(category, "category", MAX_FACT),
        "" if date == NONE else date,
        "" if authors == NONE else _text(authors, "list of authors", MAX_FACT),
        () if obsoletes == NONE else _numbers(obsoletes),
        () if updates == NONE else _numbers(updates),
    )


def _format_numbers(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def _numbers(text: str) -> tuple[int, ...]:
    """Return numbers of RFCs that are separated by commas. Raises BadRequest."""
    parts = text.split(",")
    if len(parts) > MAX_RFCS:
        raise BadRequest(f"a list has at most {MAX_RFCS} RFCs")
    return tuple(fields.number(part, "RFC", 1, MAX_RFC) for part in parts)


def _text(text: str, what: str, most: int) -> str:
    if fields.has_control(text) or len(text) > most:
        raise BadRequest(f"a {what} has at most {most} characters and no control characters")
    return text
