"""The networks from which connections are admitted, and the count of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..wire.fields import parse_address
from .tally import Tally

if TYPE_CHECKING:
    from ..config.settings import Network

REPORT_INTERVAL = 60
"""Minimum seconds between two reports of refused connections."""


class Admission:
    """Admits the addresses in `allow` (all, if it is empty) that are not in `deny`, and counts the others.

    An IPv4 address that is mapped into IPv6, as on a port for both, is the IPv4 address.
    """

    def __init__(self, allow: Sequence[Network], deny: Sequence[Network]) -> None:
        self._allow = tuple(allow)
        self._deny = tuple(deny)
        self._refused = Tally(REPORT_INTERVAL)

    def admits(self, host: str, now: float) -> bool:
        """Return whether the IP address `host` is admitted; count it if it is not. `now` is in seconds."""
        return self._is_admitted(host) or self._refused.add(host, now)

    def _is_admitted(self, host: str) -> bool:
        address = parse_address(host)
        if address is None or any(address in network for network in self._deny):
            return False
        return not self._allow or any(address in network for network in self._allow)

    def report(self, now: float) -> tuple[int, str] | None:
        """Return how many were refused since the last report, and the last address.

        None if there were none, or the last report was less than REPORT_INTERVAL before `now` (seconds).
        """
        return self._refused.report(now)


def admission(allow: Sequence[Network], deny: Sequence[Network]) -> Admission | None:
    """Return an Admission by these networks, or None if there are none: every address is admitted then."""
    return Admission(allow, deny) if allow or deny else None
