"""A search as people type it: words and patterns, regardless of case and of the encoding of accented letters."""

from __future__ import annotations

import re
import unicodedata
from fnmatch import translate


def folded(text: str) -> str:
    """Return `text` in a form in which texts that differ only in case or Unicode form are equal."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_pattern(text: str) -> bool:
    """Return whether `text` contains a wildcard, ``*`` or ``?``."""
    return "*" in text or "?" in text


def narrows(old: str, new: str) -> bool:
    """Return whether all that the search `new` finds is found by `old` too, as with each letter that is typed."""
    return not is_pattern(new) and folded(new).startswith(folded(old))


class Pattern:
    """A pattern for a whole name: ``*`` matches any characters, ``?`` one, all others themselves."""

    def __init__(self, text: str) -> None:
        self._compiled = re.compile(translate(folded(text).replace("[", "[[]")))

    def matches(self, name: str) -> bool:
        """Return whether `name` matches, regardless of case."""
        return self._compiled.match(folded(name)) is not None


class Query:
    """A search for `text`.

    A document matches if every word of the search is in its name or its title; a word with ``*`` or ``?`` is a pattern
    for the whole name. It also matches if the complete text, spaces included, is a pattern that matches its name.
    """

    def __init__(self, text: str) -> None:
        words = folded(text).split()
        self._words = [word for word in words if not is_pattern(word)]
        self._patterns = [Pattern(word) for word in words if is_pattern(word)]
        self._whole = Pattern(text.strip()) if self._patterns and len(words) > 1 else None

    def matches(self, name: str, title: str) -> bool:
        """Return whether a document with this name and title matches."""
        if self._whole is not None and self._whole.matches(name):
            return True
        if not all(pattern.matches(name) for pattern in self._patterns):
            return False
        if not self._words:
            return True
        name, title = folded(name), folded(title)
        return all(word in name or word in title for word in self._words)
