"""A search as people type it: words and patterns, whatever the case and however an accented letter is encoded."""

from __future__ import annotations

import re
import unicodedata
from fnmatch import translate


def folded(text: str) -> str:
    """Return `text` such that texts that differ only in case or in their Unicode form are equal."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_pattern(text: str) -> bool:
    """Whether `text` holds one of the two characters that stand for others, ``*`` and ``?``."""
    return "*" in text or "?" in text


class Pattern:
    """A pattern for a whole name: ``*`` stands for any characters, ``?`` for one, all others for themselves."""

    def __init__(self, text: str) -> None:
        self._compiled = re.compile(translate(folded(text).replace("[", "[[]")))

    def matches(self, name: str) -> bool:
        """Whether `name` is of this form, in any case."""
        return self._compiled.match(folded(name)) is not None


class Query:
    """A search for `text`.

    A document is found if every word of it is in its name or its title; a word with ``*`` or ``?`` is a pattern for
    the whole name. It is found, too, if the text as it stands, with its spaces, is a pattern for its name.
    """

    def __init__(self, text: str) -> None:
        words = folded(text).split()
        self._words = [word for word in words if not is_pattern(word)]
        self._patterns = [Pattern(word) for word in words if is_pattern(word)]
        self._whole = Pattern(text.strip()) if self._patterns and len(words) > 1 else None

    def matches(self, name: str, title: str) -> bool:
        """Whether a document of this name and title is found."""
        if self._whole is not None and self._whole.matches(name):
            return True
        if not all(pattern.matches(name) for pattern in self._patterns):
            return False
        if not self._words:
            return True
        name, title = folded(name), folded(title)
        return all(word in name or word in title for word in self._words)
