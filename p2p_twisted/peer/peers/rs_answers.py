"""What an RS says in its answers; pure."""

from __future__ import annotations

import re

from ...net.errors import Garbled
from ...wire import fields
from ...wire.address import Address
from ...wire.errors import BadRequest
from ...wire.limits import TTL

MAX_LISTED = 20_000
"""Most lines of a peer list that are read."""
MIN_TTL = 4
"""Seconds: the shortest TTL that is believed, for a peer would do nothing but renew."""


def given_cookie(body: str) -> int:
    """Return the cookie in the answer to Register. Raises Garbled."""
    key, _, text = body.strip().partition(":")
    try:
        return fields.cookie(text.strip() if key == "cookie" else "")
    except BadRequest:
        raise Garbled("the RS did not answer Register with a cookie") from None


def told_ttl(body: str) -> int:
    """Return the TTL in the answer to KeepAlive, in seconds; that of the protocol if it says none."""
    match = re.search(r"TTL is ([0-9]{1,9}) seconds", body)
    return max(MIN_TTL, int(match[1])) if match else TTL


def listed_peers(body: str) -> tuple[list[Address], int]:
    """Return the peers in the answer to PQuery, and the number of lines that are none."""
    found, bad = [], 0
    for line in filter(None, body.split("\n", MAX_LISTED)[:MAX_LISTED]):
        try:
            found.append(fields.address(line.rstrip("\r")))
        except BadRequest:
            bad += 1
    return found, bad
