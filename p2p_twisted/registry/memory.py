"""The store in memory. It forgets everything when the process ends."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from heapq import heappop, heappush

from ..wire.address import Address
from ..wire.limits import MAX_COOKIE_1_0
from .address_book import AddressBook
from .record import Clocks, PeerRecord
from .room import Group, Room
from .rules import Changes, Found, Lookup, Request
from .store import Counts, Swept

MAPPED = "::ffff:"
"""Before an IPv4 address that connects to a port for IPv6."""


class MemoryStore:
    """A `store.Store` in memory; nothing in it waits. A store that also writes them to disk is a subclass."""

    def __init__(self, clocks: Clocks) -> None:
        self.clocks = clocks
        self.commits = 0
        self.waiting: Sized = ()
        self._records: dict[int, PeerRecord] = {}
        self._reserved: set[int] = set()
        """Cookies that must not be given out although no record has them."""
        self._holders: dict[Address, PeerRecord] = {}
        """The active records."""
        self._book = AddressBook()
        self._room = Room()
        self._due: list[tuple[float, int]] = []
        """A heap of (deadline, cookie): each active record once, with a deadline that it had. A renewal leaves it as it
        is; a record that comes up here and has been renewed is entered again with its present deadline."""
        self._in_due: set[int] = set()

    def start(self) -> None:
        """Do nothing: there is nothing to take."""

    async def close(self) -> None:
        """Do nothing: there is nothing to write."""

    async def apply(self, request: Request) -> PeerRecord:
        """Apply `request` to the records that it looks at; return the record of its peer. Raises Forbidden."""
        at = self.clocks.moment()
        self._expire(at.now)
        while True:
            changes = request.decide(self._find(request.lookup()), at)
            if changes is not None and changes.record.cookie not in self._reserved:
                self._commit(changes, request.durable)
                return changes.record

    def renew(self, cookie: int, port: int, host: str) -> bool:
        """Renew the TTL of the active peer with this cookie and port; False if there is none (`store.Store`)."""
        record, now = self._records.get(cookie), self.clocks.monotonic()
        if record is None or record.port != port or not record.active or record.deadline <= now:
            return False
        if cookie <= MAX_COOKIE_1_0 and record.host != host.removeprefix(MAPPED):
            return False
        record.deadline = now + self.clocks.ttl
        record.proven = True
        self._touched(cookie)
        return True

    async def active(self, limit: int | None = None, after: Address | None = None) -> tuple[list[Address], bool]:
        """Return a page of the addresses of active peers, and whether there are more (`store.Store`)."""
        self._expire(self.clocks.monotonic())
        return self._book.page(limit, after)

    async def sample(self, number: int) -> tuple[list[Address], bool]:
        """Return the addresses of some active peers, and whether there are others (`store.Store`)."""
        self._expire(self.clocks.monotonic())
        return self._book.sample(number)

    async def generation(self) -> int:
        """Return a number that changes with the list of active peers."""
        self._expire(self.clocks.monotonic())
        return self._book.generation

    async def records(self) -> list[PeerRecord]:
        """Return all records, by cookie."""
        self._expire(self.clocks.monotonic())
        return [self._records[cookie] for cookie in sorted(self._records)]

    async def counts(self) -> Counts:
        """Return how many records there are."""
        self._expire(self.clocks.monotonic())
        return Counts(len(self._book), len(self._records))

    async def sweep(self) -> Swept:
        """Make the records inactive whose TTL has run out."""
        return Swept(self._expire(self.clocks.monotonic()), 0)

    # for subclasses that write to disk

    def _write(self, changes: Changes, durable: bool) -> None:
        """Write `changes`, which are not in memory yet. May raise StoreError."""

    def _touched(self, cookie: int) -> None:
        """Note that a record has changed and is to be written later."""

    def _load(self, records: Iterable[PeerRecord]) -> None:
        """Fill the store, which is empty. Of two records that are active at one address, the later one remains so."""
        for record in records:
            rival = self._holders.get(record.address)
            if record.active and rival is not None:
                self._touched(rival.cookie)
                self._put(rival.inactive(), listed=False)
            self._put(record, listed=False)
        self._book.load(self._holders)

    # the indexes

    def _commit(self, changes: Changes, durable: bool) -> None:
        self._write(changes, durable)
        if changes.dropped is not None:
            self._drop(changes.dropped)
        if changes.displaced is not None:  # first: the address must be free before it is taken
            self._put(changes.displaced)
        self._put(changes.record)

    def _find(self, lookup: Lookup) -> Found:
        record = self._records.get(lookup.cookie)
        address = record.address if lookup.address is None and record is not None else lookup.address
        holder = None if address is None else self._holders.get(address)
        near, all_ = self._room.of(lookup.neighbourhood), self._room.all
        is_full = lookup.most is not None and all_.size >= lookup.most
        return Found(
            lookup,
            record,
            holder,
            near.size if near else 0,
            self._replaceable(near),
            is_full,
            self._replaceable(all_ if is_full else None),
        )

    def _replaceable(self, group: Group | None) -> PeerRecord | None:
        cookie = None if group is None else group.replaceable()
        return None if cookie is None else self._records[cookie]

    def _put(self, record: PeerRecord, listed: bool = True) -> None:
        """Put `record` in the place of the one with its cookie. Unless `listed`, the caller updates the book."""
        old = self._records.get(record.cookie)
        self._room.put(old, record)
        self._records[record.cookie] = record
        before = old.address if old is not None and old.active else None
        after = record.address if record.active else None
        if before is not None and before != after:
            del self._holders[before]
            if listed:
                self._book.remove([before])
        if after is not None:
            self._holders[after] = record
            self._await_expiry(record)
            if listed and before != after:
                self._book.add(after)

    def _drop(self, record: PeerRecord) -> None:
        """Forget an inactive record."""
        del self._records[record.cookie]
        self._room.drop(record)

    def _await_expiry(self, record: PeerRecord) -> None:
        if record.cookie not in self._in_due:
            self._in_due.add(record.cookie)
            heappush(self._due, (record.deadline, record.cookie))

    def _expire(self, now: float) -> int:
        """Make the records inactive whose TTL has run out by `now`; return how many."""
        due = self._due
        if not due or due[0][0] > now:
            return 0
        expired = []
        while due and due[0][0] <= now:
            _, cookie = heappop(due)
            self._in_due.discard(cookie)
            record = self._records.get(cookie)
            if record is None or not record.active:
                continue  # it has left; by now, it may have made room for another
            if record.deadline > now:
                self._await_expiry(record)
            else:
                expired.append(record.address)
                self._put(record.inactive(), listed=False)
                self._touched(cookie)
        self._book.remove(expired)
        return len(expired)
