"""What an RS says in its answers; pure."""

from __future__ import annotations

import re

from ...net.errors import Garbled
from ...wire import fields
from ...wire.errors import BadRequest
from ...wire.limits import TTL

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
