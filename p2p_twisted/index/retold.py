"""Single records that one peer tells of another, as they are passed on in a large swarm, each once."""

from __future__ import annotations

from collections.abc import Callable

from ..wire.address import Address
from ..wire.records import IndexRecord
from .packed import pack
from .statement import CURRENT, Statement
from .store import Store

MAX_HOLDERS = 8
"""Holders of a document of which others are told: enough to begin with, and each knows further ones."""
RENEWED_WITHIN = 900
"""Seconds before its end in which a record counts as news if it is told again: so it lasts while its holder does, and
no word of others lets it last any longer than if it had ended before it was told again."""


class Retold:
    """Takes records that are told one by one. Times are monotonic seconds."""

    def __init__(self, store: Store, accepts: Callable[[Address, float], bool]) -> None:
        """Take them into `store`; `accepts` says whether hearsay of a holder counts at a time."""
        self._store = store
        self._accepts = accepts
        self._by_teller: dict[tuple[Address, Address], Statement] = {}
        """(teller, holder) -> the last statement; a dead one is left until the next `tidy`."""
        self.changes = 0

    def is_news(self, record: IndexRecord, now: float) -> bool:
        """Return whether nobody has told yet that its holder has the document, and few are known that have it."""
        variant = self._store.variant(record.name, pack(record))
        statements = variant.statements if variant is not None else ()
        holders = {one.holder for one in statements if one.state == CURRENT and one.expires > now + RENEWED_WITHIN}
        return (record.host, record.port) not in holders and len(holders) < MAX_HOLDERS

    def hear(self, teller: Address, record: IndexRecord, now: float) -> bool:
        """Take a record that the peer at `teller` tells of another; return whether it is news, and there is room."""
        holder = record.host, record.port
        if record.private or not record.ttl or not self._accepts(holder, now) or not self.is_news(record, now):
            return False
        statement = self._statement(teller, holder, now, now + record.ttl)
        if statement is None or not self._store.say(statement, record.name, pack(record)):
            return False
        self.changes += 1
        return True

    def _statement(self, teller: Address, holder: Address, now: float, expires: float) -> Statement | None:
        """Return what `teller` says of `holder` and ends at `expires`, or up to RENEWED_WITHIN seconds before."""
        old = self._by_teller.get((teller, holder))
        if old is not None and old.state == CURRENT and expires - RENEWED_WITHIN <= old.expires <= expires:
            return old
        statement = self._store.hearsay(teller, holder)
        if statement is not None:
            statement.expires, statement.state = expires, CURRENT
            self._by_teller[teller, holder] = statement
        return statement

    def tidy(self) -> None:
        """Forget statements that count no more."""
        self._by_teller = {key: one for key, one in self._by_teller.items() if one.state == CURRENT}
