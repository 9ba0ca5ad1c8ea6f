"""What this peer passes on of the documents of others, in a large swarm: each record once, and again before it ends.

What a neighbour says of itself is told to those who take hearsay from this peer, and so is what a teller says of
others. A record that is known already goes no further, so each ends after it has gone round once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from zlib import crc32

from ...index.distributed import DistributedIndex
from ...index.retold import MAX_HOLDERS
from ...wire.address import Address
from ...wire.records import IndexRecord
from .rounds import REFRESH

AGAIN_ROUNDS = 105
"""Rounds of a minute in which all first-hand records are told again: less than the TTL, and each peer begins at
another time, so that one of a document's many tellers tells of it in its last quarter of an hour."""
AT_ONCE = 200
"""Documents looked at between two looks at the clock."""
assert AGAIN_ROUNDS * REFRESH < 7200


class Retelling:
    """Passes on what is news, by `tell`, as long as `is_on`. Times are monotonic seconds."""

    def __init__(
        self, index: DistributedIndex, now: Callable[[], float], own: Callable[[], Collection[Address]]
    ) -> None:
        """`own` returns this peer's addresses."""
        self.is_on = False
        self.tell: Callable[[IndexRecord, bool], object] = lambda record, is_news: None
        """Takes a record, and whether it is news."""
        self._index = index
        self._now = now
        self._own = own
        self._round = 0

    def first_hand(self, record: IndexRecord) -> None:
        """Pass on what a peer says of itself, which is not in the index yet."""
        if self.is_on and _may_be_told(record) and self._index.retold.is_news(record, self._now()):
            self.tell(record, True)

    def heard(self, teller: Address, record: IndexRecord) -> None:
        """Take what the peer at `teller` says of another, and pass it on."""
        is_own = (record.host, record.port) in self._own()
        if self.is_on and not is_own and self._index.retold.hear(teller, record, self._now()):
            self.tell(record, True)

    def again(self) -> Iterator[None]:
        """Tell a part of the first-hand records again, some in each step. Called once in a round."""
        self._round += 1
        for number, name in enumerate(self._index.names()):
            if self.is_on and crc32(name.encode()) % AGAIN_ROUNDS == self._round % AGAIN_ROUNDS:
                for record in self._index.holders_of(name, self._now())[:MAX_HOLDERS]:
                    if _may_be_told(record):
                        self.tell(record, False)
            if number % AT_ONCE == 0:
                yield


def _may_be_told(record: IndexRecord) -> bool:
    return not record.private and record.sha256 is not None
