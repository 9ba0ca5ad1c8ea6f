"""The links of an experiment: the rates at which each peer may send and receive, in bytes/s. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .site_layout import SiteLayout
from .uplink_spread import UplinkSpread


@dataclass(frozen=True)
class Links:
    """The rates of all peers: ``up`` for sending, ``down`` for receiving, unless a peer has rates of its own."""

    up: float
    down: float
    slow: Mapping[str, float] = field(default_factory=dict)
    """Role -> the most that both directions of its link carry."""
    sites: SiteLayout | None = None
    """The sites, if there are several; then ``up`` and ``down`` are the rates of their LANs."""
    ups: Mapping[str, float] = field(default_factory=dict)
    """Role -> rate of its uplink, where it is not that of the others."""
    downs: Mapping[str, float] = field(default_factory=dict)
    """Role -> rate of its downlink, where it is not that of the others."""
    spread: UplinkSpread | None = None
    """The rates of the uplinks that are not in ``ups``, if they are spread; then ``up`` is the highest."""

    @property
    def roles(self) -> set[str]:
        """The peers whose links are named."""
        return {*self.ups, *self.downs}

    def up_of(self, role: str) -> float:
        """Return the rate of a peer's uplink."""
        common = self.up if self.spread is None else self.spread.rate_of(role)
        rate = self.ups.get(role, common)
        return min(rate, self.slow.get(role, rate))

    def down_of(self, role: str) -> float:
        """Return the rate of a peer's downlink."""
        rate = self.downs.get(role, self.down)
        return min(rate, self.slow.get(role, rate))

    def is_common(self, role: str) -> bool:
        """Return whether a peer has the rates ``up`` and ``down``."""
        return (self.up_of(role), self.down_of(role)) == (self.up, self.down)
