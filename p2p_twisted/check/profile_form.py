"""The keys of a profile's TOML, and what each may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .profile import ENDS, FIELDS, LINE_ENDS, PATTERNS, PLACE, Change, Profile, ProfileError

Convert = Callable[[Any], Any]
"""Returns the value of a key. Raises ValueError, which says what the value must be."""


def values_of(tables: Mapping[str, Any], like: Profile | None, source: str) -> dict[str, Any]:
    """Return the fields of a Profile that `tables` give; its tables are added to those of `like`.

    Raises ProfileError, which names the `source` and the key.
    """
    values: dict[str, Any] = {}
    for key, value in _keys(tables):
        if key not in _KEYS:
            raise ProfileError(f"{source}: {key} is no key of a profile; there are {', '.join(sorted(_KEYS))}")
        field, convert = _KEYS[key]
        try:
            values[field] = convert(value)
        except ValueError as error:
            raise ProfileError(f"{source}: {key} {error}") from None
    for field in ("messages", "codes", "phrases", "bodies"):
        if like is not None and field in values:
            values[field] = {**getattr(like, field), **values[field]}
    return values


def _keys(tables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each key and its value, those of the tables for requests, answers and checks with the table's name."""
    for key, value in tables.items():
        if key in ("request", "answer", "checks") and isinstance(value, dict):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        elif key not in ("like", "also"):
            yield key, value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.replace("\t", "").isprintable():
        raise ValueError("must be a text on one line")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _port(value: Any) -> int:
    if not isinstance(value, int) or not 1 <= value <= 65535:
        raise ValueError("must be a number from 1 to 65535")
    return value


def _one_of(*words: str) -> Convert:
    def convert(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return convert


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("must be a list of texts")
    return tuple(value)


def _ids(value: Any) -> frozenset[str]:
    return frozenset(_texts(value))


def _answer_pattern(value: Any) -> str:
    text = _in_braces(_text(value), {*PATTERNS, "version", "phrase"})
    names = PLACE.findall(text)
    if len(names) > len(set(names)):
        raise ValueError("has the same word in braces twice")
    return text


def _message(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a table of texts")
    return _in_braces(value, FIELDS)


def _in_braces(text: str, known: set[str]) -> str:
    for name in PLACE.findall(text):
        if name not in known:
            raise ValueError(f"has {{{name}}}; in braces there may be {', '.join(sorted(known))}")
    return text


def _table(convert: Convert) -> Convert:
    def converted(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError("must be a table")
        return {name: convert(one) for name, one in value.items()}

    return converted


def _code(value: Any) -> int:
    if not isinstance(value, int) or not 100 <= value <= 999:
        raise ValueError("must be a table of numbers of three digits")
    return value


def _phrases(value: Any) -> dict[int, str]:
    if not isinstance(value, dict) or not all(name.isdecimal() for name in value):
        raise ValueError("must be a table of status codes")
    return {int(name): _text(one) for name, one in value.items()}


def _changes(value: Any) -> tuple[Change, ...]:
    """Return the changes in a table: name -> message, old, put."""
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    return tuple(_change(name, one) for name, one in value.items())


def _change(name: str, value: Any) -> Change:
    if not isinstance(value, dict) or set(value) != {"message", "old", "put"}:
        raise ValueError(f"'{name}' must have message, old and put")
    message, old, put = (_in_braces(str(value[key]), FIELDS) for key in ("message", "old", "put"))
    return Change(name, message, old, put)


_KEYS: Mapping[str, tuple[str, Convert]] = {
    "name": ("name", _text),
    "title": ("title", _text),
    "level": ("level", _text),
    "port": ("port", _port),
    "request.line_end": ("line_end", lambda value: LINE_ENDS[_one_of(*LINE_ENDS)(value)]),
    "request.os": ("os", _text),
    "request.first_cookie": ("first_cookie", _text),
    "messages": ("messages", _table(_message)),
    "answer.status": ("status", _answer_pattern),
    "answer.version": ("version", _text),
    "answer.line_end": ("answer_line_end", _one_of("lf", "crlf", "any")),
    "answer.headers": ("headers", lambda value: tuple(_answer_pattern(one) for one in _texts(value))),
    "answer.only_these_headers": ("only_headers", _flag),
    "answer.end": ("end", _one_of(*ENDS)),
    "answer.length": ("length", _text),
    "answer.lists_asker": ("lists_asker", _flag),
    "codes": ("codes", _table(_code)),
    "phrases": ("phrases", _phrases),
    "bodies": ("bodies", _table(_answer_pattern)),
    "same": ("same", _changes),
    "malformed": ("malformed", _changes),
    "strict": ("strict", _changes),
    "checks.optional": ("optional", _ids),
    "checks.required": ("required", _ids),
    "checks.skip": ("skip", _ids),
}
"""Key -> the field of Profile, and the function that converts its value."""
