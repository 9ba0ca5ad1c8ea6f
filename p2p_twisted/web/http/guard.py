"""Permission to call: the Host header against DNS rebinding, and the key for every call that changes state.

A page on another site can make its name resolve to this machine and then read the answers as its own. But it cannot
make a browser send another Host than that name. An address is no name: the one to which a client connected is right.
"""

from __future__ import annotations

import hmac
import re
from ipaddress import IPv6Address, ip_address

from .errors import ApiError

SAFE_METHODS = frozenset({b"GET", b"HEAD"})
"""Methods that change nothing and so need no key."""

_LOCAL = ("127.0.0.1", "::1")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._-]{1,255})(:[0-9]{1,5})?", re.ASCII)


def check_host(headers: list[str], own: str | None) -> None:
    """Raise ApiError unless there is one Host header and it names this machine.

    `own` is the address that the connection came in on, None for a Unix socket.
    """
    found = _HOST.fullmatch(headers[0]) if len(headers) == 1 else None
    if found is None:
        raise ApiError(400, "a request must have one Host header, HOST or HOST:PORT")
    name = found[1].strip("[]").lower()
    if name != "localhost" and not any(_same_address(name, address) for address in (*_LOCAL, own) if address):
        raise ApiError(403, "the Host header names another machine; call this one localhost, or by its address")


def _same_address(name: str, own: str) -> bool:
    try:
        return _plain(name) == _plain(own)
    except ValueError:
        return False


def _plain(text: str) -> str:
    """Return an address in one spelling; for an IPv4 address in an IPv6 one (``::ffff:10.0.0.1``), the IPv4 address."""
    address = ip_address(text)
    return str(address.ipv4_mapped or address) if isinstance(address, IPv6Address) else str(address)


def check_key(headers: list[str], key: str) -> None:
    """Raise ApiError unless there is one Authorization header, and it carries `key`."""
    if not headers:
        raise ApiError(401, "this call needs the key: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"})
    scheme, _, given = headers[0].partition(" ")
    known = hmac.compare_digest(given.strip().encode(), key.encode())
    if len(headers) != 1 or scheme.lower() != "bearer" or not known:
        raise ApiError(401, "the key is wrong", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
