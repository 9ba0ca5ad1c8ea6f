"""The distributed index: the records of other peers' documents, and when each expires.

The rules (protocol, "Index records"): a record from its holder lives for TTL seconds; hearsay lives for the TTL it
carries, and never extends the life of a known record; at 0 a record is removed. A holder's own answer replaces
everything known of it. One document has one record for each holder.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from ..wire.address import Address
from ..wire.limits import TTL
from ..wire.records import IndexRecord

MAX_GONE = 10_000
"""Maximum number of stopped holders that are remembered, the most recent ones."""

MAX_RECORDS_OF_HOLDER = 1_000_000
"""Maximum number of records of one holder, so that a stranger cannot fill the memory."""


@dataclass
class Entry:
    """A record as it was received, and when it expires (monotonic seconds)."""

    record: IndexRecord
    expires: float

    def ttl(self, now: float) -> int:
        """Return the TTL that is left at `now`, in whole seconds rounded up."""
        return max(0, min(TTL, -int(-(self.expires - now) // 1)))

    def aged(self, now: float) -> IndexRecord:
        """Return the record with the TTL that is left at `now`."""
        return replace(self.record, ttl=self.ttl(now))


class DistributedIndex:
    """The records learnt from other peers. Times are monotonic seconds, given by the caller."""

    def __init__(self) -> None:
        self.generation = 0
        """Number of records added, removed or changed so far; hearing a record again does not count."""
        self._holders: dict[Address, dict[str, Entry]] = {}
        self._names: dict[str, set[Address]] = {}
        self._gone: dict[Address, None] = {}

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._holders.values())

    def learn(self, source: Address, records: Iterable[IndexRecord], now: float, own: Collection[Address] = ()) -> None:
        """Merge the complete index that the peer at `source` sent.

        Records whose holder is in `own` (this peer's addresses) are ignored: the library knows better.
        """
        fresh: dict[str, IndexRecord] = {}
        for record in records:
            holder = (record.host, record.port)
            if holder == source:
                fresh[record.name] = record
            elif holder not in own and holder not in self._gone and record.ttl > 0:
                self._hear(holder, record, now)
        self.is_back(source)
        self._replace(source, fresh, now)

    def put(self, holder: Address, record: IndexRecord, now: float) -> None:
        """Add a record that `holder` itself sent."""
        self.is_back(holder)
        self._put(holder, record.name, Entry(record, now + TTL))

    def remove(self, holder: Address, name: str) -> None:
        """Remove a document that `holder` itself no longer has."""
        if name in self._holders.get(holder, {}):
            self._drop(holder, name)

    def renew(self, holder: Address, now: float) -> None:
        """Renew all records of `holder`, which has confirmed them."""
        self.is_back(holder)
        for entry in self._holders.get(holder, {}).values():
            entry.expires = now + TTL

    def _replace(self, holder: Address, records: dict[str, IndexRecord], now: float) -> None:
        for name in self._holders.get(holder, {}).keys() - records.keys():
            self._drop(holder, name)
        for name, record in records.items():
            self._put(holder, name, Entry(record, now + TTL))

    def _hear(self, holder: Address, record: IndexRecord, now: float) -> None:
        known = self._holders.get(holder, {}).get(record.name)
        if known is None or known.expires <= now:
            self._put(holder, record.name, Entry(record, now + min(TTL, record.ttl)))

    def _put(self, holder: Address, name: str, entry: Entry) -> None:
        entries = self._holders.setdefault(holder, {})
        if name in entries or len(entries) < MAX_RECORDS_OF_HOLDER:
            if name not in entries or entries[name].record != entry.record:
                self.generation += 1
            entries[name] = entry
            self._names.setdefault(name, set()).add(holder)

    def _drop(self, holder: Address, name: str) -> None:
        entries, holders = self._holders[holder], self._names[name]
        self.generation += 1
        del entries[name]
        holders.discard(holder)
        if not entries:
            del self._holders[holder]
        if not holders:
            del self._names[name]

    def forget(self, holder: Address) -> None:
        """Remove all records of `holder`: it will send everything again, or it is this peer."""
        self._replace(holder, {}, 0)

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
        """Remove expired records and return their number."""
        gone = [
            (holder, name)
            for holder, entries in self._holders.items()
            for name, entry in entries.items()
            if entry.expires <= now
        ]
        for holder, name in gone:
            self._drop(holder, name)
        return len(gone)

    def records(self, now: float) -> Iterator[IndexRecord]:
        """Yield every record that has not expired, with the TTL that is left."""
        for entries in self._holders.values():
            for entry in entries.values():
                if entry.expires > now:
                    yield entry.aged(now)

    def lasting(self, now: float) -> tuple[list[IndexRecord], float]:
        """Return every record that has not expired, as received, and when the first of them expires."""
        entries = [entry for known in self._holders.values() for entry in known.values() if entry.expires > now]
        return [entry.record for entry in entries], min((entry.expires for entry in entries), default=math.inf)

    def ttl(self, record: IndexRecord, now: float) -> int:
        """Return the TTL that `record` has left, or its own TTL if it is not one of the learnt records."""
        entry = self._holders.get((record.host, record.port), {}).get(record.name)
        return record.ttl if entry is None else entry.ttl(now)

    def holders_of(self, name: str, now: float) -> list[IndexRecord]:
        """Return the records of the document `name`, one for each holder."""
        entries = (self._holders[holder][name] for holder in self._names.get(name, ()))
        return [entry.aged(now) for entry in entries if entry.expires > now]

    def held_by(self, holder: Address, now: float) -> list[IndexRecord]:
        """Return the records of the peer `holder`."""
        return [entry.aged(now) for entry in self._holders.get(holder, {}).values() if entry.expires > now]

    def names(self) -> set[str]:
        """Return the names of all learnt documents."""
        return set(self._names)
