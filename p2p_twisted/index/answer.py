"""The complete index that one peer sends, taken record by record: it counts when it is done."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from ..wire.address import Address
from ..wire.records import IndexRecord
from .packed import pack
from .statement import CURRENT, PENDING, Statement
from .store import Store


class Answer:
    """Takes the records of the peer at `source`: its own, and those of others, of which it tells.

    If it is abandoned before it is done, or the ``with`` statement that it is used in is left, it changes nothing.
    """

    def __init__(
        self,
        store: Store,
        source: Address,
        old: Statement | None,
        accepts: Callable[[Address], bool],
        on_done: Callable[[Answer, float], object],
        now: float,
    ) -> None:
        """Begin at `now`: `old` is what the peer said before, `accepts` says whether hearsay of a holder counts."""
        self._store = store
        self._source = source
        self._old = old
        self._accepts = accepts
        self._on_done = on_done
        self._now = now
        self.own = store.first_hand(source)
        """What the peer says of itself."""
        self.is_other = False
        """Whether that has a record which `old` has not."""
        self.hearsay: dict[tuple[Address, int], Statement] = {}
        """What it says of others, by the holder and the TTL in seconds."""
        self._mine: set[Statement] = set()
        """The same."""

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Take nothing more, and change nothing, unless it is done."""
        self._store.kill(one for one in (self.own, *self.hearsay.values()) if one.state == PENDING)

    def add(self, record: IndexRecord) -> bool:
        """Take a record. Return False when there is no room for it: further ones may find none either."""
        holder = record.host, record.port
        packed = pack(record)
        if holder == self._source:
            self.is_other |= self._old is None or not self._store.says(self._old, record.name, packed)
            return self._store.say(self.own, record.name, packed)
        if record.private or record.ttl == 0 or not self._accepts(holder) or self._is_told(record.name, holder):
            return True
        statement = self.hearsay.get((holder, record.ttl))
        if statement is None:
            statement = self._store.hearsay(self._source, holder)
            if statement is None:
                return False
            self.hearsay[holder, record.ttl] = statement
            self._mine.add(statement)
        return self._store.say(statement, record.name, packed)

    def _is_told(self, name: str, holder: Address) -> bool:
        """Return whether somebody tells already that `holder` has the document: that is not renewed by telling it."""
        return any(
            one.holder == holder and (one in self._mine or (one.state == CURRENT and one.expires > self._now))
            for variant in self._store.variants(name)
            for one in variant.statements
        )

    def done(self, now: float) -> None:
        """Let what was taken count, the peer's own records in place of all that was known of it."""
        self._on_done(self, now)
