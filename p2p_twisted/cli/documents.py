"""The documents of the peer's index: read page by page; meant by the arguments of ``get``; and not found there."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..index.query import Pattern, folded, is_pattern
from ..library.paths import why_tricky
from ..web.client import ControlClient

PAGE = 1000
"""Documents asked for at a time."""
SHORT_HASH = 8
"""Digits of a SHA-256 that choose one of several contents of a name."""
MAX_QUERIES = 20
"""Names that are looked up one by one; for more, the whole index is read."""

Document = Mapping[str, Any]
"""A document as the API's index shows it."""


def documents(client: ControlClient, query: str) -> Iterator[Document]:
    """Every document that `query` finds, by name."""
    offset, total = 0, 1
    while offset < total:
        page = client.get("index", q=query, limit=PAGE, offset=offset)
        yield from page["items"]
        offset, total = offset + PAGE, page["total"]


def is_elsewhere(item: Document, holders: Collection[str] = ()) -> bool:
    """Whether a peer other than this one has the document; with `holders` (HOST:PORT), whether one of these has it."""
    if holders:
        return any(f"{holder['host']}:{holder['port']}" in holders for holder in item["holders"])
    return len(item["holders"]) > int(item["local"])


def choices(items: Sequence[Document]) -> list[str]:
    """Return what to call each document of `items`: its name, or NAME@HASH where one name has several contents.

    HASH is the beginning of the SHA-256, as short as tells them apart, and SHORT_HASH digits at least.
    """
    contents: dict[str, set[str]] = {}
    for item in items:
        contents.setdefault(item["name"], set()).add(item["sha256"] or "")
    digits = {name: _digits(hashes) for name, hashes in contents.items() if len(hashes) > 1}
    return [
        f"{item['name']}@{item['sha256'][: digits[item['name']]]}" if item["name"] in digits else item["name"]
        for item in items
    ]


def _digits(hashes: Collection[str]) -> int:
    """How many digits tell `hashes` apart."""
    return next(n for n in range(SHORT_HASH, 65) if len({hash_[:n] for hash_ in hashes}) == len(hashes))


@dataclass
class Wanted:
    """What is to be fetched, and what is not."""

    names: list[str] = field(default_factory=list)
    """Documents to order."""
    here: set[str] = field(default_factory=set)
    """Documents that this peer shares, found by a pattern or in a folder."""
    missing: list[str] = field(default_factory=list)
    """Arguments that stand for no document."""
    passed_over: dict[str, str] = field(default_factory=dict)
    """Documents that were found but not named, and by whose names a stranger may mislead: name -> why."""


def is_several(argument: str) -> bool:
    """Whether `argument` may stand for several documents: it holds ``*`` or ``?``, or ends in ``/``."""
    return is_pattern(argument) or argument.endswith("/")


def find(client: ControlClient, arguments: Sequence[str], holders: Collection[str], fetch_own: bool) -> Wanted:
    """Return what `arguments` stand for in the peer's index.

    With `holders` (HOST:PORT), what these peers have counts. Documents that this peer shares itself are `here`, with
    `fetch_own` only those that nobody else has.
    """
    wanted = Wanted()
    for argument in arguments:
        if not is_several(argument):
            wanted.names.append(argument)
            continue
        found = [item for item in _items(client, argument) if item["local"] or is_elsewhere(item, holders)]
        own = {item["name"] for item in found if item["local"]}
        others = [item["name"] for item in found if is_elsewhere(item, holders)]
        names = [name for name in others if fetch_own or name not in own]
        tricky = {name: why for name in names if name != argument and (why := why_tricky(name)) is not None}
        wanted.names += [name for name in names if name not in tricky]
        wanted.here |= own.difference(names)
        wanted.passed_over |= tricky
        if not found:
            wanted.missing.append(argument)
    wanted.names = list(dict.fromkeys(wanted.names))
    return wanted


def _items(client: ControlClient, argument: str) -> list[Document]:
    """The documents that `argument` stands for; one whose name it is to the letter is meant alone."""
    pattern = argument + "*" if argument.endswith("/") else argument
    items = list(documents(client, pattern))
    exact = [item for item in items if item["name"] == argument]
    matching = Pattern(pattern)
    return exact or [item for item in items if matching.matches(item["name"])]


class Lookup:
    """What the peer's index, of which `items` are a part, says of names that nobody was found to have."""

    def __init__(self, items: Iterable[Document], folders: Sequence[str]) -> None:
        """`folders` are those that the peer shares, in its order."""
        self._items: dict[str, list[Document]] = {}
        self._alike: dict[str, set[str]] = {}
        self._parents: set[str] = set()
        self._folders = folders
        for item in items:
            name = item["name"]
            self._items.setdefault(name, []).append(item)
            self._alike.setdefault(folded(name), set()).add(name)
            self._parents.update(str(parent) for parent in Path(name).parents)

    def path(self, name: str, hash_: str = "") -> str | None:
        """Where the document lies that this peer shares as `name`, its SHA-256 beginning with `hash_`; else None."""
        if not any(item["local"] and (item["sha256"] or "").startswith(hash_) for item in self._items.get(name, ())):
            return None
        paths = [f"{folder}/{name}" for folder in self._folders]
        return next((path for path in paths if Path(path).is_file()), None)

    def reason(self, name: str) -> str | None:
        """One line on why nobody was found to have `name`, with what may have been meant; None if nothing is known."""
        if name in self._items:
            return f"no peer given with --from has {name}, or not with that content; 'p2p ls' lists all documents"
        if name in self._parents:
            return f"no peer has {name}, which is a folder; '{name}/' means all documents below it"
        alike = sorted(self._alike.get(folded(name), ()))
        if not alike:
            return None
        composed = unicodedata.normalize("NFC", name)
        is_encoded = composed in (unicodedata.normalize("NFC", other) for other in alike)
        what = "one with differently encoded accents" if is_encoded else "one that differs in case"
        return f"no peer has {name}; there is {what}: {alike[0]}"


def look_up(client: ControlClient, names: Sequence[str], folders: Sequence[str]) -> Lookup:
    """Ask the peer's index for `names`, those like them and what is below them."""
    queries = [f"{name}*" for name in names] if len(names) <= MAX_QUERIES else [""]
    found = {(item["name"], item["sha256"]): item for query in queries for item in documents(client, query)}
    return Lookup(found.values(), folders)
