"""What one host may do at an RS, and the rates at which it asks; pure. A host is an IPv4 address or an IPv6 /64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..net.buckets import Buckets
from ..net.connection_state import REQUEST_TIMEOUT

BURST_TIME = 10
"""Seconds in which a host may make the requests of as many seconds at once: those of a campus, after a power cut."""
COOKIES_PER_PEER = 3
"""Wrong cookies that a host may send for each peer that it may have, if that is more than it may send anyhow: when an
RS has lost its registry, each peer sends two. Those of 63 bits hardly count: see guesses.py."""
TRUSTED_FACTOR = 10
"""The trusted networks, which may have any number of peers, may send so many times more."""


@dataclass(frozen=True)
class Limits:
    """The limits of an RS; each is an option of the same name, for each host unless it says otherwise."""

    max_peers_per_host: int = 1000
    max_requests_per_second: int = 100
    max_wrong_cookies: int = 3000
    """After so many that are not forgiven, a host is cut off."""
    max_wrong_cookies_per_minute: int = 10
    """So many are forgiven each minute: a host that sends no more is never cut off."""
    max_connections: int = 10_000
    """Of all hosts together."""
    max_connections_per_host: int = 2_000
    request_timeout: int = REQUEST_TIMEOUT
    """Seconds in which a request must be complete, from its first byte (or from the connection's start) on."""

    peer_list: int = 200
    """Most peers that a PQuery of 1.1 without Limit gets, chosen by chance."""
    peer_list_1_0: int = 10_000
    """Most peers that one of 1.0 gets: all, unless there are more."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Limits:
        """Return the limits that are set by these options."""
        return cls(**{name: options[name.replace("_", "-")] for name in cls.__dataclass_fields__})

    def wrong_cookies(self, is_trusted: bool) -> int:
        """Return the number of wrong cookies after which a host is cut off."""
        most = max(self.max_wrong_cookies, COOKIES_PER_PEER * self.max_peers_per_host)
        return most * TRUSTED_FACTOR if is_trusted else most


class RequestRates:
    """Counts the requests of hosts, and the refusals of what is too much: as many are answered as requests granted."""

    def __init__(self, per_second: int) -> None:
        self._granted = Buckets(per_second, BURST_TIME * per_second)
        self._refused = Buckets(per_second, per_second)
        self.take = self._granted.take
        """Count a request of the host `key`; return 0 if it is granted, else the seconds until one would be."""

    def may_refuse(self, key: str, now: float) -> bool:
        """Count a refusal; return whether it is to be answered: if not, end the connection."""
        return not self._refused.take(key, now)

    def is_spent(self, key: str, now: float) -> bool:
        """Return whether nothing that `key` could ask now would be answered: its connections need not be admitted."""
        return bool(self._refused) and self._refused.is_empty(key, now) and self._granted.is_empty(key, now)
