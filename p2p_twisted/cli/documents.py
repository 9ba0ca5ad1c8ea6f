"""The documents of the peer's index: read page by page; meant by the arguments of ``get``; and not found there."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..index.query import Pattern, folded
from ..library.look_alikes import look_alikes
from ..library.paths import why_tricky
from ..web.control_client import ControlClient
from .options import is_several

PAGE = 1000
"""Documents asked for at a time."""
SHORT_HASH = 8
"""Digits of a SHA-256 that choose one of several contents of a name."""
MAX_QUERIES = 20
"""Names that are looked up one by one; for more, the whole index is read."""

Document = Mapping[str, Any]
"""A document as the API's index shows it."""


def documents(client: ControlClient, query: str, sort: str = "name") -> Iterator[Document]:
    """Yield every document that `query` finds, in the order `sort` of the API."""
    offset, total = 0, 1
    while offset < total:
        page = client.get("index", q=query, sort=sort, limit=PAGE, offset=offset)
        yield from page["items"]
        offset, total = offset + PAGE, page["total"]


def is_elsewhere(item: Document, holders: Collection[str] = ()) -> bool:
    """Return whether another peer has the document; with `holders` (HOST:PORT), whether one of these has it."""
    if holders:
        return any(f"{holder['host']}:{holder['port']}" in holders for holder in item["holders"])
    return len(item["holders"]) > int(item["local"])


def choices(items: Sequence[Document]) -> list[str]:
    """Return what ``get`` takes for each of `items`: its name, or NAME@HASH if the name has several contents.

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
    """Return the number of digits that tell `hashes` apart."""
    return next(n for n in range(SHORT_HASH, 65) if len({hash_[:n] for hash_ in hashes}) == len(hashes))


@dataclass
class Wanted:
    """The documents to fetch, and those to leave out."""

    names: list[str] = field(default_factory=list)
    """Documents to download."""
    here: set[str] = field(default_factory=set)
    """Documents that this peer shares, found by a pattern or in a folder."""
    missing: list[str] = field(default_factory=list)
    """Arguments that mean no document."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Documents found by a pattern or in a folder whose names may mislead: name -> reason."""


def find(client: ControlClient, arguments: Sequence[str], holders: Collection[str], fetch_own: bool) -> Wanted:
    """Return the documents of the peer's index that `arguments` mean.

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
        numbers = {item["name"]: len(item["holders"]) for item in found if item["name"] in names}
        tricky = {} if argument in names else _misleading(numbers, own.difference(names))
        wanted.names += [name for name in names if name not in tricky]
        wanted.here |= own.difference(names)
        wanted.skipped |= tricky
        if not found:
            wanted.missing.append(argument)
    wanted.names = list(dict.fromkeys(wanted.names))
    return wanted


def _misleading(holders: Mapping[str, int], own: Collection[str]) -> dict[str, str]:
    """Return those of the names that are fetched only if they are asked for one by one, with the reasons.

    `holders` has the number of holders of each name, `own` the names that this peer has.
    """
    tricky = {name: why for name in holders if (why := why_tricky(name)) is not None}
    return tricky | look_alikes({name: number for name, number in holders.items() if name not in tricky}, own)


def _items(client: ControlClient, argument: str) -> list[Document]:
    """Return the documents that `argument` means; if it is the exact name of one, that one alone."""
    pattern = argument + "*" if argument.endswith("/") else argument
    items = list(documents(client, pattern))
    exact = [item for item in items if item["name"] == argument]
    matching = Pattern(pattern)
    return exact or [item for item in items if matching.matches(item["name"])]


class Lookup:
    """Names without a known holder, looked up in `items`, a part of the peer's index."""

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
        """Return the path of `name`, whose SHA-256 begins with `hash_`, if this peer shares it; otherwise None."""
        if not any(item["local"] and (item["sha256"] or "").startswith(hash_) for item in self._items.get(name, ())):
            return None
        paths = [f"{folder}/{name}" for folder in self._folders]
        return next((path for path in paths if Path(path).is_file()), None)

    def reason(self, name: str) -> str | None:
        """Return one line on why no holder of `name` was found, with the likely name; None if nothing is known."""
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
    """Look up `names` in the peer's index, with similar names and the documents below folders of that name."""
    queries = [f"{name}*" for name in names] if len(names) <= MAX_QUERIES else [""]
    found = {(item["name"], item["sha256"]): item for query in queries for item in documents(client, query)}
    return Lookup(found.values(), folders)
