"""Words as SQLite's FTS5 sees them: regardless of case and accents, names of files cut where letters meet digits."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
_SEAM = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[a-z])(?=[A-Z])")
_RFC = re.compile(r"(?:^|/)rfc[-_ ]?0*([1-9]\d{0,4})(?!\d)", re.I)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def words_of(text: str) -> list[str]:
    """Return the words of `text`, in lower case and without accents."""
    return _WORD.findall("".join(map(plain_character, unicodedata.normalize("NFC", text).lower())))


def plain_character(character: str) -> str:
    """Return a letter in lower case without its accents; anything else as it is."""
    if character.isascii():
        return character
    base, *accents = list(unicodedata.normalize("NFD", character))
    return base.lower() if accents and all(map(unicodedata.combining, accents)) else character


def name_words(name: str) -> str:
    """Return the words by which the document `name` is found: ``rfc8446.txt`` also as ``rfc 8446``."""
    parts = _SEAM.sub(" ", name)
    return name if parts == name else f"{name} {parts}"


def rfc_number(name: str) -> int | None:
    """Return the number of the RFC that a document with this name seems to be; None if it seems to be none."""
    match = _RFC.search(name)
    return None if match is None else int(match[1])


def date_words(date: str) -> str:
    """Return the words by which a date is found: ``2018-08`` also as ``August 2018``."""
    year, _, rest = date.partition("-")
    month = int(rest[:2] or 0)
    return f"{date} {_MONTHS[month - 1]} {year}" if 0 < month <= 12 else date
