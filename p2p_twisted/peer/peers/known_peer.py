"""The state that this peer keeps of another one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ...wire.address import Address
from ...wire.messages import Version
from .index_subscription import IndexSubscription
from .turns import FAILED, NORMAL

FIRST_RETRY = 60
LAST_RETRY = 600
"""Seconds for which the rounds skip a peer that failed: at first, and at most; doubled each time."""
CURRENT = 5.0
"""Seconds for which the index of a peer that is not followed counts as known, after it was asked for."""


class Lost(Enum):
    """How the connection to a followed peer ended that has not answered since."""

    CLOSED = "closed by the peer, which has probably stopped"
    BROKEN = "broken"


@dataclass
class KnownPeer:
    """Another peer. Times are monotonic seconds."""

    address: Address
    subscription: IndexSubscription
    seen: float | None = None
    """The time of its last answer, None if there was none."""
    failures: int = 0
    """Failures since then."""
    retry_at: float = 0
    version: Version | None = None
    site: str | None = None
    """The name of its site, as it tells it; None if it tells none."""
    is_self: bool = False
    is_listed: bool | None = None
    """Whether the RS listed it in its last full list; None if it never has."""
    is_greeted: bool = False
    """Whether it knows this peer: one of the two has said Hello to the other."""
    wanted: float = float("-inf")
    """When its documents were last wanted."""
    lost: Lost | None = None
    redialled: float = float("-inf")
    """When it was dialled last because its connection had ended, and the seconds before that is done again."""
    redial_interval: float = 0.0

    @property
    def rank(self) -> int:
        """Its rank among the peers to ask."""
        return FAILED if self.failures else NORMAL

    def is_current(self, now: float) -> bool:
        """Return whether its index is known as it is now: it is followed, or has answered a moment ago."""
        return self.subscription.connection is not None or (self.seen is not None and now - self.seen < CURRENT)

    def answered(self, now: float) -> None:
        """Note that it has answered with its index."""
        self.seen, self.failures, self.retry_at, self.lost = now, 0, 0, None

    def failed(self, now: float) -> None:
        """Note that it could not be asked. Say Hello again next time: it may have lost sight of this peer, too."""
        self.failures += 1
        self.is_greeted = False
        self.retry_at = now + min(FIRST_RETRY * 2 ** min(self.failures - 1, 10), LAST_RETRY)
