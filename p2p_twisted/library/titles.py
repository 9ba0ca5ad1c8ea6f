"""The title of a document: of an RFC from the head of its first page, of other texts their first meaningful line.

Only cheap and certain cases: plain text, Markdown and reStructuredText by their file type, and PDFs. Anything else,
and anything broken, has the title "".
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from itertools import dropwhile, islice, takewhile
from pathlib import PurePosixPath
from typing import BinaryIO

from p2p_twisted.wire.limits import MAX_TITLE

from .pdf import read_pdf

MAX_TEXT = 64 * 2**10
"""Bytes of a text in which the title is looked for."""

TEXT_TYPES = frozenset({"", ".txt", ".text", ".md", ".markdown", ".rst"})
"""The ends of the names of texts."""

_TITLE_LINES = 5
_PAGE_WIDTH = 72

_RFC = re.compile(r"(Request for Comments|RFC)\s*:?\s*#?\s*\d{1,5}\b", re.I)
_FIELD = re.compile(
    _RFC.pattern
    + r"|(Category|Updates|Updated by|Obsoletes|Obsoleted by|BCP|STD|FYI|NIC|ISSN)\s*:"
    + r"|(Network Working Group|Independent Submission|Internet [\w ]+ (Task Force|Board)( \(\w+\))?|[\d\s,]+)$",
    re.I,
)
_COLUMNS = re.compile(r"\S {3,}\S")
_AFTER_TITLE = re.compile(
    r"((Abstract|Status of this Memo|(Table of )?Contents|Introduction|Preface|Copyright Notice)\W*|\W+)$", re.I
)

_NOISE = re.compile(r"#!|\.\. |:\w+:|<|!?\[!?\[|!\[|\{|\W*-\*-")
_MARKUP = "#*_=`~ \t"
_EMPTY_TITLE = re.compile(
    r"enscript output|untitled.*|title|document ?\d*|powerpoint presentation|microsoft \w+ - .*|none|null|\S+\.\w{1,5}",
    re.I,
)


def title_of(file: BinaryIO, name: str) -> str:
    """Return the title of the document open as `file` and shared as `name`, or "".

    One line of at most MAX_TITLE characters without control characters. For a PDF it comes from the metadata
    (the information dictionary, or else XMP), or else from the text of its first page. Blocks while it reads, for some
    seconds at worst, so call it in a thread. Raises OSError only when reading fails.
    """
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        titles, text = read_pdf(file)
        said = (_from_metadata(title, path) for title in titles)
        return next(filter(None, said), "") or title_of_text(text)
    if suffix in TEXT_TYPES:
        file.seek(0)
        return title_of_text(_decode(file.read(MAX_TEXT)))
    return ""


def title_of_text(text: str) -> str:
    """Return the title in the first lines of `text`: that of an RFC, else the first meaningful line, or ""."""
    lines = text.splitlines()
    head = list(islice((line for line in lines if line.strip()), 12))
    if any(_RFC.match(line.strip()) for line in head):
        return _clean(" ".join(_rfc_title(lines)))
    return next(filter(_means_something, map(_plain, lines)), "")


def _rfc_title(lines: list[str]) -> list[str]:
    """Return the lines between the two columns of an RFC's head and the next empty line or heading (RFC 7322, 4.1).

    Text out of a PDF may lack the empty lines, so the heading counts too.
    """
    body = dropwhile(lambda line: not line.strip() or _in_head(line), lines)
    title = takewhile(lambda line: line.strip() and not _AFTER_TITLE.match(line.strip()), body)
    return list(islice(title, _TITLE_LINES))


def _in_head(line: str) -> bool:
    """Return whether a line belongs to the head of an RFC.

    It has a known field on the left, two columns, or the right column alone, which unlike the centred title has far
    more space on its left than on its right."""
    text = line.strip()
    left = len(line) - len(line.lstrip())
    right = max(_PAGE_WIDTH - len(line.rstrip()), 0)
    return bool(_FIELD.match(text) or _COLUMNS.search(text) or left - right > _PAGE_WIDTH // 6)


def _plain(line: str) -> str:
    """Return a line of text without its light markup; "" for a line that is nothing but markup."""
    text = line.strip()
    return "" if _NOISE.match(text) else _clean(text.strip(_MARKUP))


def _from_metadata(title: str, path: PurePosixPath) -> str:
    """Return a PDF's own title, or "" when a program put it there: the program's name, or the name of a file."""
    title = _clean(title)
    if _EMPTY_TITLE.fullmatch(title) or title.casefold() in (path.name.casefold(), path.stem.casefold()):
        return ""
    return title if _means_something(title) else ""


def _means_something(text: str) -> bool:
    return sum(map(str.isalpha, text)) >= 2


def _clean(text: str) -> str:
    """Return `text` as one line of printable characters, its white space squeezed, cut to MAX_TITLE."""
    visible = (c if c.isprintable() else " " for c in text if unicodedata.category(c) != "Cf")
    return " ".join("".join(visible).split())[:MAX_TITLE].rstrip()


def _decode(data: bytes) -> str:
    """Decode UTF-8, its last character perhaps cut off, or else Latin-1 (some old RFCs); "" if it is not text."""
    if b"\0" in data:
        return ""
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data)
    except UnicodeDecodeError:
        return data.decode("latin-1")
