"""The store in memory. It forgets everything when the process ends."""

from __future__ import annotations

from collections.abc import Iterable, Sized

from ..wire.address import Address
from ..wire.limits import MAX_COOKIE_1_0
from .address_book import AddressBook
from .arrange import arrange_named, arrange_packed, slots_with
from .deadlines import Deadlines
from .record import Clocks, PeerRecord
from .room import Group, Room, group_of
from .rules import Changes, Found, Lookup, Request
from .store import Counts, Entered, Swept
from .table import ACTIVE, PROVEN, UNWRITTEN, Table

MAPPED = "::ffff:"
"""Before an IPv4 address that connects to a port for IPv6."""
GRAINS = 256
"""Parts of a TTL in which the deadlines are sorted before they come."""


class MemoryStore:
    """A `store.Store` in memory; nothing in it waits. A store that also writes them elsewhere is a subclass."""

    def __init__(self, clocks: Clocks) -> None:
        self.clocks = clocks
        self.commits = 0
        self.skipped = 0
        self.waiting: Sized = ()
        self._reserved: set[int] = set()
        """Cookies that must not be given out although no record has them."""
        self._book = AddressBook()
        self._clear()

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
                self._store(changes)
                return changes.record

    def enter(self, request: Request, made: Entered) -> bool:
        """Do nothing: `apply` never waits here."""
        return False

    def renew(self, cookie: int, port: int, host: str) -> bool:
        """Renew the TTL of the active peer with this cookie and port; False if there is none (`store.Store`)."""
        table, now = self._table, self.clocks.monotonic()
        slot = table.slots.get(cookie)
        if slot is None or table.ports[slot] != port:
            return False
        flags = table.flags[slot]
        if not flags & ACTIVE or table.deadlines[slot] <= now:
            return False
        if cookie <= MAX_COOKIE_1_0 and table.host(slot) != host.removeprefix(MAPPED):
            return False
        table.deadlines[slot] = now + self.clocks.ttl
        if ~flags & (PROVEN | UNWRITTEN):
            table.flags[slot] = flags | PROVEN
            self._touch(slot)
        return True

    async def active(self, limit: int | None = None, after: Address | None = None) -> tuple[list[Address], bool]:
        """Return a page of the addresses of active peers, and whether there are more (`store.Store`)."""
        self._expire(self.clocks.monotonic())
        return self._book.page(limit, after)

    def sample(self, number: int) -> tuple[bytes, bool]:
        """Return the lines of some active peers, and whether there are others (`store.Store`)."""
        self._expire(self.clocks.monotonic())
        return self._book.sample(number)

    async def generation(self) -> int:
        """Return a number that changes with the list of active peers."""
        self._expire(self.clocks.monotonic())
        return self._book.generation

    @property
    def places(self) -> int:
        """The number of slots."""
        return len(self._table.flags)

    async def records(self, places: range | None = None) -> list[PeerRecord]:
        """Return all records, or those in some slots, by cookie."""
        self._expire(self.clocks.monotonic())
        return self._table.records(range(self.places) if places is None else places)

    async def counts(self) -> Counts:
        """Return how many records there are."""
        self._expire(self.clocks.monotonic())
        return Counts(len(self._book), len(self._table))

    async def sweep(self) -> Swept:
        """Make the records inactive whose TTL has run out."""
        return Swept(self._expire(self.clocks.monotonic()), 0)

    # for subclasses that also write the records elsewhere

    def _touched(self, slot: int) -> None:
        """Note that the record in `slot` is not written as it is now. Called once until UNWRITTEN is taken from it."""

    def _touch(self, slot: int) -> None:
        if not self._table.flags[slot] & UNWRITTEN:
            self._table.flags[slot] |= UNWRITTEN
            self._touched(slot)

    def _clear(self) -> None:
        """Forget all records."""
        self._table = Table()
        self._room = Room()
        self._due = Deadlines(self._table.deadlines, self.clocks.ttl / GRAINS)
        self._index()

    def _load(self, records: Iterable[PeerRecord]) -> None:
        """Fill the store, which is empty."""
        for record in records:
            self._table.put(record)
        self._index()

    def _index(self) -> None:
        """Find everything that is in the table. Of two records that are active at one address, the later one stays."""
        table, packed, named = self._table, arrange_packed(self._table), arrange_named(self._table)
        for slot in packed.displaced + named.displaced:
            table.flags[slot] &= ~ACTIVE
            self._touch(slot)
        self._book.load(packed, named)
        self._room.load(self._book.packed_hosts())
        inactive = sorted(slots_with(table, 0, ACTIVE), key=table.deadlines.__getitem__)
        for slot in (*named.slots, *inactive):
            self._room.put(slot, None, table.record(slot))
        self._due.load(slots_with(table, ACTIVE, ACTIVE))

    def _record(self, cookie: int) -> PeerRecord | None:
        """Return the record with this cookie, if there is one."""
        slot = self._table.slots.get(cookie)
        return None if slot is None else self._table.record(slot)

    def _holder(self, address: Address) -> PeerRecord | None:
        """Return the record that is active at `address`, if there is one."""
        slot = self._book.slot(address)
        return None if slot is None else self._table.record(slot)

    # the indexes

    def _find(self, lookup: Lookup) -> Found:
        record = self._record(lookup.cookie)
        address = record.address if lookup.address is None and record is not None else lookup.address
        group = None if lookup.neighbourhood is None else group_of(lookup.neighbourhood)
        is_full = lookup.most is not None and self._size(None) >= lookup.most
        return Found(
            lookup,
            record,
            None if address is None else self._holder(address),
            0 if group is None else self._size(group),
            None if group is None else self._replaceable(group),
            is_full,
            self._replaceable(None) if is_full else None,
        )

    def _size(self, group: Group) -> int:
        """Return the number of records of a group."""
        return self._room.size(group)

    def _replaceable(self, group: Group) -> PeerRecord | None:
        slot = self._room.replaceable(group)
        return None if slot is None else self._table.record(slot)

    def _store(self, changes: Changes) -> None:
        """Put all of `changes` into memory."""
        if changes.dropped is not None:
            self._drop(changes.dropped.cookie)
        if changes.displaced is not None:  # first: the address must be free before it is taken
            self._put(changes.displaced)
        self._put(changes.record)

    def _put(self, record: PeerRecord) -> None:
        """Put `record` in the place of the one with its cookie. No other may be active at its address."""
        old = self._record(record.cookie)
        slot = self._table.put(record)
        self._room.put(slot, old, record)
        if record.active:
            self._due.add(slot)
        before = old.address if old is not None and old.active else None
        after = record.address if record.active else None
        if before == after:
            return
        if before is not None:
            self._book.remove(before)
        if after is not None:
            self._book.add(after, slot)

    def _drop(self, cookie: int) -> None:
        """Forget the inactive record with this cookie."""
        slot = self._table.slots[cookie]
        self._room.drop(slot, self._table.record(slot))
        self._table.drop(cookie)

    def _expire(self, now: float) -> int:
        """Make the records inactive whose TTL has run out by `now`; return how many."""
        expired = 0
        for slot in self._due.take(now):
            if self._table.flags[slot] & ACTIVE:
                self._put(self._table.record(slot).inactive())
                self._touch(slot)
                expired += 1
        return expired
