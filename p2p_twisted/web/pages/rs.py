"""The pages of an RS: its peers, what it is asked, its settings."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from ...wire import fields
from ..api.event_log import event_name
from ..api.rs import EVENTS, SORTS, STATES, Peers
from ..api.rs_schema import RsStatus
from ..api.schema import Settings
from ..http.calls import ApiRoot
from .page import Page, Values
from .rate_history import LENGTH, RateHistory
from .static import add_static

PEERS = 100
"""Peers on a page."""
NAVIGATION = (("/", "Peers"), ("/requests", "Requests"), ("/about", "About"))
LAB = ("/lab", "Experiments")
DEFAULTS = {"q": "", "state": "active", "sort": "address"}
"""The choice of peers without a query."""
SOON = (60, 600, 3600)
"""Seconds within which peers expire, for the table of expiries to come."""


def add_rs_pages(root: ApiRoot, pages: RsPages, has_lab: bool) -> None:
    """Put `pages` into the site of an RS; `has_lab`: it has the page of experiments, too."""

    def common() -> Values:
        return common_values(has_lab)

    root.putChild(b"", Page("rs_peers.html.j2", pages.peers, common, ("q", "state", "sort", "offset")))
    root.putChild(b"requests", Page("rs_requests.html.j2", pages.requests, common))
    root.putChild(b"about", Page("rs_about.html.j2", pages.about, common))
    add_static(root)


def common_values(has_lab: bool) -> Values:
    """Return the values that all pages of an RS have."""
    return {"navigation": (*NAVIGATION, LAB) if has_lab else NAVIGATION, "role": "rs"}


class RsPages:
    """The values of the pages. `config` is the answer to ``GET config``."""

    def __init__(
        self,
        peers: Peers,
        status: Callable[[], Coroutine[Any, Any, RsStatus]],
        rates: RateHistory,
        config: Settings,
    ) -> None:
        self._peers = peers
        self._status = status
        self._rates = rates
        self._config = config

    async def peers(self, query: Mapping[str, str]) -> Values:
        """Return the peer records that match the query, a page of them."""
        offset = fields.number(query.get("offset", "0"), "offset", 0, 2**31)
        chosen = DEFAULTS | {name: value for name, value in query.items() if name != "offset"}
        return {
            "found": await self._peers(chosen, PEERS, offset),
            "chosen": chosen,
            "offset": offset,
            "limit": PEERS,
            "sorts": list(SORTS),
            "states": STATES,
            "names": [event_name(kind) for kind in EVENTS],
            "status": await self._status(),
        }

    async def requests(self, query: Mapping[str, str]) -> Values:
        """Return what was asked over the last hour, the counts since the start, and the expiries to come."""
        status = await self._status()
        return {
            "status": status,
            "rates": self._rates.rates(),
            "length": LENGTH,
            "limits": _named(status.counts, "limits "),
            "answers": _named(status.counts, "requests "),
            "expiries": {within: (await self._peers({"within": str(within)}, 1, 0)).total for within in SOON},
        }

    async def about(self, query: Mapping[str, str]) -> Values:
        """Return the state and the settings."""
        return {"status": await self._status(), "settings": self._config.items}


def _named(counts: Mapping[str, float], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): int(number) for name, number in counts.items() if name.startswith(prefix)}
