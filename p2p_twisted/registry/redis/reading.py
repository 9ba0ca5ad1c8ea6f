"""Reads all records from the engine."""

from __future__ import annotations

from .coding import Position, decode_position, encode_position
from .copy import Row
from .link import Link
from .scripts import TYPES

CHUNK = 1000
"""Records that are asked for at a time."""

MAX_FOREIGN_SCANS = 1000
"""Most times that CHUNK keys of the database are looked through for foreign ones under the prefix."""


async def last_position(link: Link) -> Position:
    """Return the last change of the log; START if there is none. Raises StoreError."""
    entries = await link.command("XREVRANGE", link.key("log"), "+", "-", "COUNT", 1)
    return decode_position(entries[0][0] if entries else b"0-0")


async def has_change(link: Link, position: Position) -> bool:
    """Return whether a change is in the log. Raises StoreError."""
    name = encode_position(position)
    return bool(await link.command("XRANGE", link.key("log"), name, name))


async def read_rows(link: Link) -> list[Row]:
    """Return all records, in any order. One that changes meanwhile is as it was before or after. Raises StoreError."""
    rows: dict[bytes, Row] = {}
    cursor = b"0"
    while True:
        cursor, members = await link.command("HSCAN", link.key("records"), cursor, "COUNT", CHUNK)
        cookies = members[::2]
        deadlines = await link.command("ZMSCORE", link.key("expires"), *cookies) if cookies else []
        rows.update(
            (cookie, Row(cookie, value, deadline))
            for cookie, value, deadline in zip(cookies, members[1::2], deadlines, strict=True)
        )
        if cursor == b"0":
            return list(rows.values())


async def foreign_keys(link: Link) -> set[str]:
    """Return keys under the prefix that are not of a registry; of a very large database not all. Raises StoreError."""
    found: set[str] = set()
    cursor = b"0"
    for _ in range(MAX_FOREIGN_SCANS):
        cursor, keys = await link.command("SCAN", cursor, "MATCH", link.key("*"), "COUNT", CHUNK)
        found.update(key.decode("ascii", "replace") for key in keys)
        if cursor == b"0":
            break
    return found - {link.key(name) for name in TYPES}
