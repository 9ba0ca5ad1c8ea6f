"""The terms of a search, as people type them and as SEARCH INDEX carries them.

A term is a word, or several in double quotes that must follow each other. ``author:`` and the like before it say where
to look, and ``*`` behind it that it is the beginning of a word. Every document that is found has all terms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import BadRequest
from .fields import has_control
from .limits import MAX_SEARCH, MAX_TERMS

FIELDS = ("name", "title", "author", "date", "rfc", "obsoletes", "updates")
"""Where to look; ``rfc:N`` finds the RFC of that number and those that obsolete or update it."""

_TERM = re.compile(rf'(?:({"|".join(FIELDS)}):)?(?:"([^"]*)(?:"(\*?)|$)|([^\s"]+))', re.I)
_PLAIN = re.compile(r'[^\s":*]+')


@dataclass(frozen=True)
class Term:
    """A word or a phrase to be found in `field` (None: in the text or any of the other fields)."""

    text: str
    field: str | None = None
    is_prefix: bool = False
    """Whether its last word may go on."""


def parse_terms(text: str) -> tuple[Term, ...]:
    """Return the terms in `text`; what has neither a letter nor a digit is passed over.

    Raises BadRequest if no term is left, or for more than MAX_SEARCH bytes or MAX_TERMS terms.
    """
    if len(text.encode(errors="replace")) > MAX_SEARCH:
        raise BadRequest(f"a search has at most {MAX_SEARCH} bytes")
    if has_control(text):
        raise BadRequest("a search must not hold control characters")
    terms = [term for match in _TERM.finditer(text) if any(map(str.isalnum, (term := _term(match)).text))]
    if not 0 < len(terms) <= MAX_TERMS:
        raise BadRequest(f"a search has from 1 to {MAX_TERMS} words or phrases")
    return tuple(terms)


def _term(match: re.Match[str]) -> Term:
    field, phrase, star, word = match.groups()
    field = None if field is None else field.lower()
    if word is None:
        return Term(" ".join(phrase.split()), field, bool(star))
    return Term(word.rstrip("*"), field, word.endswith("*"))


def format_terms(terms: Iterable[Term]) -> str:
    """Return `terms` as text: the inverse of `parse_terms`."""
    return " ".join(map(_format, terms))


def _format(term: Term) -> str:
    text = term.text if _PLAIN.fullmatch(term.text) else f'"{term.text}"'
    return f"{'' if term.field is None else f'{term.field}:'}{text}{'*' if term.is_prefix else ''}"


def as_typed(text: str) -> tuple[Term, ...]:
    """Return the terms in `text` that somebody types: the last one may be unfinished. Raises BadRequest.

    One letter behind other terms is left out: nearly every document has a word that begins with it.
    """
    *others, last = parse_terms(text)
    if text[-1:].isspace() or text.endswith('"') or not text.rstrip("*").endswith(last.text):
        return (*others, last)
    if others and len(last.text) == 1 and last.text.isascii() and last.field is None:
        return tuple(others)
    return (*others, Term(last.text, last.field, True))
