"""What a peer knows of another one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ...wire.address import Address
from ...wire.messages import Version
from .index_subscription import IndexSubscription
from .turns import FAILED, NORMAL

FIRST_RETRY = 60
LAST_RETRY = 600
"""Seconds for which the rounds pass over a peer that failed: at first, and at most; each time twice as long."""


class Lost(Enum):
    """How the connection ended on which a peer was followed, from which nothing has come since."""

    CLOSED = "closed by the peer, which has probably stopped"
    BROKEN = "broken"


@dataclass
class KnownPeer:
    """What this peer knows of another. Times are monotonic seconds."""

    address: Address
    subscription: IndexSubscription
    seen: float | None = None
    """When it last answered, None if it never did."""
    failures: int = 0
    """How often it failed since."""
    retry_at: float = 0
    version: Version | None = None
    is_self: bool = False
    is_listed: bool | None = None
    """Whether the RS listed it the last time it was asked for everybody; None if it never has."""
    is_greeted: bool = False
    """Whether it knows of this peer: one of the two has said Hello to the other."""
    lost: Lost | None = None
    redialled: float = float("-inf")

    @property
    def rank(self) -> int:
        """Its rank among those to be asked."""
        return FAILED if self.failures else NORMAL

    def answered(self, now: float) -> None:
        """It has told what it has."""
        self.seen, self.failures, self.retry_at, self.lost = now, 0, 0, None

    def failed(self, now: float) -> None:
        """It could not be asked. What kept this peer from it may have kept it from this peer: it is greeted again."""
        self.failures += 1
        self.is_greeted = False
        self.retry_at = now + min(FIRST_RETRY * 2 ** min(self.failures - 1, 10), LAST_RETRY)
