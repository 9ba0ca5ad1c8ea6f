"""The documents of the peer's index: read page by page, and called by what `get` takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ..web.client import ControlClient

PAGE = 1000
"""Documents asked for at a time."""
SHORT_HASH = 8
"""Digits of a SHA-256 that choose one of several contents of a name."""

DownloadFile = Mapping[str, Any]
"""A document as the API's index shows it."""


def documents(client: ControlClient, query: str) -> Iterator[DownloadFile]:
    """Every document that `query` finds, by name."""
    offset, total = 0, 1
    while offset < total:
        page = client.get("index", q=query, limit=PAGE, offset=offset)
        yield from page["items"]
        offset, total = offset + PAGE, page["total"]


def is_elsewhere(item: DownloadFile, holders: Collection[str] = ()) -> bool:
    """Whether a peer other than this one has the document; with `holders` (HOST:PORT), whether one of these has it."""
    if holders:
        return any(f"{holder['host']}:{holder['port']}" in holders for holder in item["holders"])
    return len(item["holders"]) > int(item["local"])


def choices(items: Sequence[DownloadFile]) -> list[str]:
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
