"""Why no other peer has a document: this one has it itself, or another name was meant."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..index.query import folded
from ..web.client import ControlClient
from .documents import DownloadFile, documents

MAX_QUERIES = 20
"""Names that are looked up one by one; for more, the whole index is read."""


class Lookup:
    """What the peer's index, of which `items` are a part, says of names that nobody was found to have."""

    def __init__(self, items: Iterable[DownloadFile], folders: Sequence[str]) -> None:
        """`folders` are those that the peer shares, in its order."""
        self._items: dict[str, list[DownloadFile]] = {}
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
