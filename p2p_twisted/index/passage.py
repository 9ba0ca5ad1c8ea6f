"""The passage of a text in which the terms of a search stand closest together. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..wire.ranges import Ranges
from ..wire.search_terms import Term
from .words import plain_character, words_of

LENGTH = 240
"""Characters of a passage, without the dots at its ends."""
BEFORE = 60
"""Characters before the first term in it."""
MAX_PLACES = 200
"""Places in the text at which each term is looked at."""
SLICE = 2**16
"""Characters that are looked at in one go: the reactor waits for no longer."""
_OTHERS = re.compile(r"[^\x00-\x7f]")
_ABSTRACT = "Abstract "
_MAX_HEAD = 4_000
"""Characters in which an abstract begins."""


class Passage(NamedTuple):
    """A part of a text, and the ranges of its characters that were searched for."""

    text: str = ""
    marks: Ranges = ()


def passage_of(text: str, terms: Sequence[Term]) -> Passage:
    """Return the passage of `text` with most of the `terms`; its abstract, or its begin, if it has none of them."""
    plain = _plain(text)
    places = sorted(
        (begin, end, number)
        for number, term in enumerate(terms)
        if term.field is None
        for begin, end in _places(plain, term)
    )
    if not places:
        begin = max(text.find(_ABSTRACT, 0, _MAX_HEAD), 0)
        return _cut(text, begin, [])
    first = max(range(len(places)), key=lambda number: _worth(places, number))
    begin = places[first][0]
    here = [(a, b) for a, b, _ in places[first:] if b <= begin + LENGTH - BEFORE]
    return _cut(text, max(begin - BEFORE, 0), here or [(begin, begin + LENGTH - BEFORE)])


def _worth(places: Sequence[tuple[int, int, int]], first: int) -> tuple[int, int]:
    """Return how many terms, and how many places of them, are in the passage whose first place is number `first`."""
    end = places[first][0] + LENGTH - BEFORE
    here = []
    for place in places[first:]:
        if place[1] > end:
            break
        here.append(place[2])
    return len(set(here)), len(here)


def _cut(text: str, begin: int, marks: Sequence[tuple[int, int]]) -> Passage:
    """Return the part of `text` from `begin` on, from word to word, with `marks` (begin, end) of the text."""
    if begin:
        begin = text.find(" ", begin - 1, begin + BEFORE // 2) + 1 or begin
    end = min(begin + LENGTH, len(text))
    if end < len(text):
        end = max(text.rfind(" ", begin, end), *(b for _, b in marks), begin + 1)
    before, after = "…" if begin else "", "…" if end < len(text) else ""
    shift = len(before) - begin
    ranges = tuple((a + shift, b + shift - 1) for a, b in _joined(marks) if begin <= a and b <= end)
    return Passage(before + text[begin:end] + after, ranges)


def _joined(marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return `marks`, in order of their begins, with those that touch or overlap as one."""
    found: list[tuple[int, int]] = []
    for begin, end in marks:
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found


def _places(text: str, term: Term) -> Iterator[tuple[int, int]]:
    """Yield where `term` is in `text`, as (begin, end): not where it goes over the end of a slice."""
    words = words_of(term.text)
    if not words:
        return
    end = r"[^\W_]*" if term.is_prefix else r"(?![^\W_])"
    pattern = re.compile(r"(?<![^\W_])" + r"[\W_]+".join(map(re.escape, words)) + end)
    left = MAX_PLACES
    for start in range(0, len(text), SLICE):
        plain = _plain(text[start : start + SLICE])
        begin = plain.find(words[0])
        while begin >= 0 and left:
            left -= 1
            if match := pattern.match(plain, begin):
                yield start + match.start(), start + match.end()
            begin = plain.find(words[0], begin + 1)
        if not left:
            return


def _plain(text: str) -> str:
    """Return `text` in lower case and without accents, each character in its place."""
    if not text.isascii():
        for character in set(_OTHERS.findall(text)):
            text = text.replace(character, plain_character(character))
    return text.lower()
