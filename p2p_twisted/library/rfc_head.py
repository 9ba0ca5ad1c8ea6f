"""What the head of an RFC says of it: number, category, date, authors, and the RFCs that it obsoletes or updates.

The head of the text form has two columns (RFC 7322, section 4.1), that of newer PDFs one field a line. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from ..wire.limits import MAX_FACT, MAX_RFCS
from ..wire.search import RfcFacts

MAX_HEAD = 4_000
"""Characters in which the head is looked for."""

_NUMBER = re.compile(r"(?:Request for Comments|RFC)\s*:?\s*#?\s*(\d{1,5})\b", re.I)
_FIELD = re.compile(r"(Category|Obsoletes|Updates|Published|Authors?)\s*:\s*(.*)", re.I)
_END = re.compile(r"\s*(Abstract|Status of this Memo|(Table of )?Contents|1\.?\s+Introduction)\s*$", re.I)
_MONTHS = [
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
]
_DATE = re.compile(rf"(?:([12]?\d|3[01])\s+)?({'|'.join(_MONTHS)}),?\s+((?:19|20)\d\d)\b", re.I)
_AUTHOR = re.compile(r"(?<!\w)(?:[^\W\d_]\.[ -]?)+[ ]?(?:[a-z]+ )*[^\W\d_][\w'\u2019-]+(?: \d?[a-z]{2}\b)?")
_COLUMNS = re.compile(r"\s{3,}")


def rfc_facts(text: str) -> RfcFacts:
    """Return what the head of `text` says; an RfcFacts without number if this is no RFC."""
    lines = list(takewhile(lambda line: not _END.match(line), text[:MAX_HEAD].splitlines()))
    columns = [list(filter(None, _COLUMNS.split(line.strip()))) for line in lines if line.strip()]
    numbers = [
        match for chunks in columns[:12] for chunk in chunks[:1] if (match := _NUMBER.match(chunk)) and int(match[1])
    ]
    if not numbers:
        return RfcFacts()
    said = dict(_fields(columns))
    return RfcFacts(
        number=int(numbers[0][1]),
        category=said.get("category", "")[:MAX_FACT],
        date=_date(columns, said.get("published", "")),
        authors=_authors(columns),
        obsoletes=_numbers(said.get("obsoletes", "")),
        updates=_numbers(said.get("updates", "")),
    )


def _fields(columns: list[list[str]]) -> Iterator[tuple[str, str]]:
    """Yield the fields of the left column; a list of numbers that ends in a comma goes on in the next line."""
    name = value = ""
    for chunks in columns:
        left = chunks[0]
        if value.endswith(",") and left[:1].isdigit():
            value = f"{value} {left}"
        elif match := _FIELD.match(left):
            yield name, value
            name, value = match[1].lower(), match[2].strip() or " ".join(chunks[1:2])
    yield name, value


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers of RFCs in a list of them."""
    return tuple(n for number in re.findall(r"\b\d{1,5}\b", text) if (n := int(number)))[:MAX_RFCS]


def _date(columns: list[list[str]], published: str) -> str:
    """Return the first date in the right column, else the one `published`, as ``YYYY-MM`` or ``YYYY-MM-DD``."""
    for text in (*(chunks[-1] for chunks in columns), published):
        if match := _DATE.match(text):
            day, month, year = match.groups()
            number = _MONTHS.index(month.lower()) + 1
            return f"{year}-{number:02}" + (f"-{int(day):02}" if day else "")
    return ""


def _authors(columns: list[list[str]]) -> str:
    """Return the authors, who stand in the right column with initials, or in a field of their own."""
    found: list[str] = []
    for chunks in columns:
        last = chunks[-1]
        field = _FIELD.match(chunks[0])
        if field is not None and field[1].lower().startswith("author"):
            found += _AUTHOR.findall(" ".join(chunks))
        elif match := _AUTHOR.match(last):
            found.append(match[0])
    authors = "; ".join(dict.fromkeys(name.strip() for name in found))
    return authors if len(authors) <= MAX_FACT else authors[:MAX_FACT].rpartition(";")[0]
