"""The distributed index: the records of other peers' documents, and when each expires.

The rules (protocol, "Index records"): what a holder says of itself lives for TTL seconds, and all of it is renewed at
once. Hearsay lives for the TTL that it carries; nobody but the holder renews it, and it counts only while nothing is
known from the holder itself. A holder's own answer replaces everything known of it.

Memory is bounded: first-hand records and hearsay have a pool each, in which all peers have the same rights.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from itertools import chain

from ..config.heap import trim_heap
from ..wire.address import Address
from ..wire.limits import TTL
from ..wire.records import IndexRecord
from .answer import Answer
from .holdings import Holdings
from .packed import pack, title_of, unpack
from .retold import Retold
from .statement import CURRENT, Statement, in_turn
from .store import Store

MAX_GONE = 10_000
"""Maximum number of stopped holders that are remembered, the most recent ones."""
MEMORY = 40 * 2**20
"""Bytes of memory for records: three quarters of it for what holders say of themselves, and a quarter for hearsay."""
BATCH = 25
"""Documents whose records are looked up at once."""


class DistributedIndex:
    """The records learnt from other peers. Times are monotonic seconds, given by the caller."""

    def __init__(self, memory: int = MEMORY) -> None:
        """Make an empty index for which `memory` bytes may be taken."""
        self._changes = 0
        self._store = Store(memory * 3 // 4, memory // 4)
        self._holders: dict[Address, Statement] = {}
        """What each holder says of itself."""
        self._gone: dict[Address, None] = {}
        self._let_go: set[Address] = set()
        self.retold = Retold(self._store, self._accepts)

    def __len__(self) -> int:
        return len(self._store)

    @property
    def generation(self) -> int:
        """A number that is larger after every change; hearing a record again is none."""
        return self._changes + self._store.cuts + self.retold.changes

    # what a peer says

    def answer(self, source: Address, now: float, own: Collection[Address] = ()) -> Answer:
        """Return the object that takes the complete index of the peer at `source`, record by record.

        Records whose holder is in `own` (this peer's addresses) are ignored: the library knows better.
        """
        old = self._holders.get(source)
        return Answer(self._store, source, old, partial(self._accepts, now=now, own=own), self._done, now)

    def learn(self, source: Address, records: Iterable[IndexRecord], now: float, own: Collection[Address] = ()) -> None:
        """Merge the complete index that the peer at `source` sent."""
        with self.answer(source, now, own) as answer:
            for record in records:
                answer.add(record)
            answer.done(now)

    def _done(self, answer: Answer, now: float) -> None:
        new = answer.own
        old = self._holders.get(new.holder)
        self.is_back(new.holder)
        if answer.is_other or new.count != (old.count if old is not None else 0):
            self._changes += 1
        self._replace(new, now)
        for (_, ttl), statement in answer.hearsay.items():
            statement.expires, statement.state = now + ttl, CURRENT
            self._changes += statement.count

    def put(self, holder: Address, record: IndexRecord, now: float) -> bool:
        """Add a record that `holder` itself sent. Return False if there is no room for it."""
        self.is_back(holder)
        statement, packed = self._statement(holder, now), pack(record)
        if not self._store.says(statement, record.name, packed):
            self._changes += 1
            return self._store.say(statement, record.name, packed)
        return True

    def remove(self, holder: Address, name: str) -> None:
        """Remove a document that `holder` itself no longer has."""
        statement = self._holders.get(holder)
        if statement is not None and self._store.withdraw(statement, name):
            self._changes += 1

    def renew(self, holder: Address, now: float) -> None:
        """Renew all records of `holder`, which has confirmed them."""
        self.is_back(holder)
        self._statement(holder, now).expires = now + TTL

    def _statement(self, holder: Address, now: float) -> Statement:
        statement = self._holders.get(holder)
        if statement is None or statement.expires <= now:
            statement = self._store.first_hand(holder)
            self._replace(statement, now)
        return statement

    def _replace(self, statement: Statement, now: float) -> None:
        """Let `statement` count from `now` on, in place of what its holder said before."""
        old = self._holders.get(statement.holder)
        if old is not None:
            self._store.kill([old])
        self._holders[statement.holder] = statement
        self._let_go.discard(statement.holder)
        statement.expires, statement.state = now + TTL, CURRENT

    def forget(self, holder: Address) -> None:
        """Remove all records of `holder`: it will send everything again, or it is this peer."""
        self._holders.pop(holder, None)
        self._let_go.discard(holder)
        known = [one for one in self._store if one.holder == holder and one.state == CURRENT]
        self._store.kill(known)
        self._changes += sum(one.count for one in known)

    def let_go(self, holder: Address) -> None:
        """Let hearsay of `holder` count besides what it has said itself: this peer is not in touch with it now."""
        if holder in self._holders:
            self._let_go.add(holder)

    def is_gone(self, holder: Address) -> None:
        """Remove all records of `holder`, which has stopped, and ignore hearsay about it until it is back."""
        self.forget(holder)
        self._gone.pop(holder, None)
        self._gone[holder] = None
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]

    def is_back(self, holder: Address) -> None:
        """Accept hearsay about `holder` again: it has answered, or has registered again."""
        self._gone.pop(holder, None)

    def expire(self, now: float) -> int:
        """Let expired records, and hearsay that no longer counts, be removed; return their number."""
        over = [one for one in self._store if one.state == CURRENT and not self._counts(one, now)]
        for holder in [one.holder for one in over if one.is_first_hand]:
            self._holders.pop(holder, None)
            self._let_go.discard(holder)
        self._store.kill(over)
        self.retold.tidy()
        number = sum(one.count for one in over)
        self._changes += number
        return number

    def sweep(self) -> Iterator[None]:
        """Free the memory of what was removed, in steps of a few milliseconds at most."""
        yield from self._store.sweep()
        trim_heap()

    def _accepts(self, holder: Address, now: float, own: Collection[Address] = ()) -> bool:
        """Return whether hearsay about `holder` counts."""
        if holder in own or holder in self._gone:
            return False
        known = self._holders.get(holder)
        return known is None or known.expires <= now or holder in self._let_go

    def _counts(self, statement: Statement, now: float) -> bool:
        if statement.state != CURRENT or statement.expires <= now:
            return False
        return statement.is_first_hand or self._accepts(statement.holder, now)

    # what is known

    def batches(self, now: float) -> Iterator[list[IndexRecord]]:
        """Yield the records that may be passed on, with the TTL that is left: first-hand ones, then hearsay.

        Each list has those of a few names, and may be empty. The index may change meanwhile. Private records are left
        out.
        """
        for is_first_hand in (True, False):
            names = self._store.names()
            for start in range(0, len(names), BATCH):
                found = (self._records(name, now, is_first_hand) for name in names[start : start + BATCH])
                yield [record for records in found for record in records if not record.private]

    def records(self, now: float) -> Iterator[IndexRecord]:
        """Yield the records of all batches."""
        return chain.from_iterable(self.batches(now))

    def hints(self, names: Iterable[str], now: float) -> list[Address]:
        """Return the holders that hearsay names for these documents, to be asked in this order.

        All who tell have the same rights: the first ones are, for each of them, the holder that it names most often.
        """
        told = [one for name in names for variant in self._store.variants(name) for one in variant.statements]
        return in_turn((one, 1) for one in told if not one.is_first_hand and self._counts(one, now))

    def all_hints(self, now: float) -> list[Address]:
        """Return the holders that hearsay names for any document, ordered likewise."""
        return in_turn((one, one.count) for one in self._store if not one.is_first_hand and self._counts(one, now))

    def holders_of(self, name: str, now: float) -> list[IndexRecord]:
        """Return what its holders themselves say of the document `name`, one record for each."""
        return self._records(name, now, True)

    def hearsay_of(self, name: str, now: float) -> list[IndexRecord]:
        """Return what others say of the document `name` at holders of which nothing is known first-hand."""
        return self._records(name, now, False)

    def _records(self, name: str, now: float, is_first_hand: bool) -> list[IndexRecord]:
        return [
            unpack(name, variant.packed, one.holder, _ttl(one, now))
            for variant in self._store.variants(name)
            for one in variant.statements
            if one.is_first_hand == is_first_hand and self._counts(one, now)
        ]

    def names(self) -> list[str]:
        """Return the names of all learnt documents, also of some that were removed a moment ago."""
        return self._store.names()

    def holdings(self, now: float) -> Holdings:
        """Return what can be looked up of very many documents at the time `now`."""
        return Holdings(self._store, [one for one in self._store if self._counts(one, now)])

    def titles_of(self, name: str) -> set[str]:
        """Return all titles of the document `name`."""
        return {title_of(packed) for packed, _ in self._store.said(name)}

    def next_expiry(self, now: float) -> float:
        """Return when the next records expire, in monotonic seconds."""
        return min((one.expires for one in self._store if one.count and self._counts(one, now)), default=math.inf)

    def has_said(self, holder: Address, now: float) -> bool:
        """Return whether the peer `holder` itself has said which documents it has, and that counts."""
        statement = self._holders.get(holder)
        return statement is not None and statement.expires > now

    def count_of(self, holder: Address, now: float) -> int:
        """Return the number of documents that the peer `holder` has, by its own word."""
        statement = self._holders.get(holder)
        return 0 if statement is None or statement.expires <= now else statement.count


def _ttl(statement: Statement, now: float) -> int:
    """Return the TTL that is left at `now`, in whole seconds rounded up."""
    return max(0, min(TTL, -int(-(statement.expires - now) // 1)))
