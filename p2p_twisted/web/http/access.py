"""Permission to call: the key, links that can be used once, and the sessions of browsers.

A session is a cookie that holds when it ends, signed with the key, so it outlives a restart and costs no memory. A new
key ends all of them. Cookies are not kept apart by port (RFC 6265, section 8.5), hence the port in their name.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from .errors import ApiError
from .guard import check_key

LINK_TIME = 300
"""Seconds for which a link can be used."""
MAX_LINKS = 16
"""Most links that wait to be used; the oldest is forgotten for one more."""
SESSION_TIME = 30 * 24 * 3600
"""Seconds for which a session lasts."""

_COOKIE = re.compile(r"([1-9][0-9]{0,11})\.([0-9a-f]{64})", re.ASCII)


class Access:
    """Decides who may call; `key` is that of the control API. The times are Unix seconds."""

    def __init__(self, key: str, now: Callable[[], float] = time.time) -> None:
        self.key = key
        self._now = now
        self._links: dict[str, float] = {}

    def new_link(self) -> str:
        """Return a token that begins one session, within LINK_TIME."""
        if len(self._links) >= MAX_LINKS:
            del self._links[next(iter(self._links))]
        token = secrets.token_urlsafe(24)
        self._links[token] = self._now() + LINK_TIME
        return token

    def use_link(self, token: str) -> bool:
        """Return whether `token` is that of a link which may still be used; it may not be used again."""
        return self._links.pop(token, 0.0) > self._now()

    def cookie(self, port: int, secure: bool) -> str:
        """Return the Set-Cookie header that begins a session on this port."""
        ends = int(self._now()) + SESSION_TIME
        value = f"{cookie_name(port)}={ends}.{self._signature(ends, port)}"
        return f"{value}; Path=/; Max-Age={SESSION_TIME}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"

    def has_session(self, cookies: list[str], port: int) -> bool:
        """Return whether one of the Cookie headers holds a session on this port that has not ended."""
        return any(self._is_session(value, port) for value in _values(cookies, cookie_name(port)))

    def _is_session(self, value: str, port: int) -> bool:
        found = _COOKIE.fullmatch(value)
        if found is None or int(found[1]) <= self._now():
            return False
        return hmac.compare_digest(found[2], self._signature(int(found[1]), port))

    def _signature(self, ends: int, port: int) -> str:
        return hmac.digest(self.key.encode(), f"session {port} {ends}".encode(), "sha256").hex()

    def check(self, authorization: list[str], cookies: list[str], port: int) -> None:
        """Raise ApiError unless the caller has the key or, without an Authorization header, a session."""
        if authorization or not self.has_session(cookies, port):
            check_key(authorization, self.key)


def cookie_name(port: int) -> str:
    """Return the name of the cookie of a session on this port; 0 is a Unix socket."""
    return f"p2p_{port}"


def check_origin(origins: list[str], host: str) -> None:
    """Raise ApiError unless a page of this site, which is at `host` (the Host header), makes the call.

    Browsers name the origin of the page in each call that may change something (Fetch, section 3.2).
    """
    if len(origins) != 1 or urlsplit(origins[0]).netloc.lower() != host.lower():
        raise ApiError(403, "a page of another site may not make this call; use the key instead of a session")


def _values(cookies: list[str], name: str) -> list[str]:
    pairs = (pair.strip().partition("=") for line in cookies for pair in line[:4096].split(";"))
    return [value for key, _, value in pairs if key == name]
