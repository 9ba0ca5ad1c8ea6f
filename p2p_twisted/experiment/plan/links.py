"""The links of an experiment: the rates at which each peer may send and receive, in bytes/s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .site_layout import SiteLayout


@dataclass(frozen=True)
class Links:
    """The rates of all peers: ``up`` for sending, ``down`` for receiving, and at most ``slow[role]`` for both."""

    up: float
    down: float
    slow: Mapping[str, float] = field(default_factory=dict)
    """Role -> rate."""
    sites: SiteLayout | None = None
    """The sites, if there are several; then ``up`` and ``down`` are the rates of their LANs."""

    def up_of(self, role: str) -> float:
        """Return the rate of a peer's uplink."""
        return min(self.up, self.slow.get(role, self.up))

    def down_of(self, role: str) -> float:
        """Return the rate of a peer's downlink."""
        return min(self.down, self.slow.get(role, self.down))
