"""The links of an experiment: how fast every peer may send and receive. Rates are bytes a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Links:
    """Every peer sends at most ``up`` and receives at most ``down``; one in ``slow`` at most that, both ways."""

    up: float
    down: float
    slow: Mapping[str, float] = field(default_factory=dict)
    """Role -> rate."""

    def up_of(self, role: str) -> float:
        """The uplink of a peer."""
        return min(self.up, self.slow.get(role, self.up))

    def down_of(self, role: str) -> float:
        """The downlink of a peer."""
        return min(self.down, self.slow.get(role, self.down))
