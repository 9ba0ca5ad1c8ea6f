"""The registry in memory: every rule is here, and the SQLite one adds only that it is written down."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from ..wire.address import Address
from ..wire.errors import Forbidden
from ..wire.limits import MAX_COOKIE, MAX_COOKIE_1_0, TTL
from .active import AddressBook
from .record import PeerRecord, neighbourhood
from .store import FULL, INACTIVE, UNKNOWN_COOKIE, UNREGISTERED


class MemoryRegistry:
    """A Registry (`store.Registry` says what the methods do) that forgets everything when the process ends.

    `ttl`: seconds. `monotonic`, `wall`: the two clocks, seconds; `wall` is Unix time.
    """

    def __init__(
        self,
        ttl: int = TTL,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.ttl = ttl
        self._monotonic = monotonic
        self._wall = wall
        self._records: dict[int, PeerRecord] = {}
        self._taken: set[int] = set()
        """Cookies that are not to be given out although no record has them."""
        self._holders: dict[Address, PeerRecord] = {}  # the active ones
        self._book = AddressBook()
        self._per_host: Counter[str] = Counter()
        self._inactive: dict[str, dict[int, None]] = {}  # cookies by neighbourhood, as they became inactive
        # When to look at whom: (deadline as it was, cookie), for each active peer once. KeepAlive leaves it as it
        # is; who comes up here and has been renewed meanwhile goes back in with the true deadline.
        self._due: list[tuple[float, int]] = []
        self._in_due: set[int] = set()

    @property
    def unwritten(self) -> int:
        """Nothing waits: nothing is written."""
        return 0

    def register(self, host: str, port: int, cookie: int | None, wide: bool, limit: int | None = None) -> PeerRecord:
        """Enter a peer, or bring back the one with this cookie."""
        now = self._monotonic()
        self._expire(now)
        dropped = None
        if cookie is None:
            dropped = self._room(host, limit)
            old: PeerRecord | None = self._new_record(host, port, wide)
        else:
            old = self._records.get(cookie)
        if old is None:
            raise Forbidden(UNKNOWN_COOKIE)
        record = old.registered(host, port, now + self.ttl, self._wall())
        rival = self._holders.get(record.address)
        if rival is None or rival.cookie == record.cookie:
            self._commit(record, dropped=dropped)
        else:
            self._commit(record, rival.inactive(), dropped=dropped)
        return record

    def leave(self, cookie: int, port: int) -> PeerRecord:
        """Make the peer inactive."""
        record = self._find(cookie, port)
        if not record.alive(self._monotonic()):
            raise Forbidden(INACTIVE)
        record = record.inactive()
        self._commit(record)
        return record

    def keep_alive(self, cookie: int, port: int) -> PeerRecord:
        """Start the TTL anew, whether it had run out or not."""
        record = self._records.get(cookie)
        if record is None or record.port != port:
            raise Forbidden(UNREGISTERED)
        now = self._monotonic()
        if record.active and record.deadline > now:
            record.deadline = now + self.ttl
        else:
            self._revive(record, now)
        self._touched(record)
        return record

    def query(self, cookie: int, port: int) -> PeerRecord:
        """Start the TTL of an active peer anew."""
        record = self._find(cookie, port)
        now = self._monotonic()
        if not record.alive(now):
            raise Forbidden(INACTIVE)
        record.deadline = now + self.ttl
        self._touched(record)
        return record

    def active(self, limit: int | None = None, after: Address | None = None) -> tuple[list[Address], bool]:
        """A page of the active peers' addresses, ascending."""
        self._expire(self._monotonic())
        return self._book.page(limit, after)

    def generation(self) -> int:
        """Changes whenever `active` would answer something else."""
        self._expire(self._monotonic())
        return self._book.generation

    def __len__(self) -> int:
        return len(self._records)

    def records(self) -> list[PeerRecord]:
        """Every record, by cookie."""
        self._expire(self._monotonic())
        return [self._records[cookie] for cookie in sorted(self._records)]

    def describe(self, record: PeerRecord) -> dict[str, str | int | bool]:
        """The seven fields as they are now."""
        return record.fields(self._monotonic(), self._wall())

    def sweep(self) -> int:
        """Make those inactive whose TTL ran out."""
        return self._expire(self._monotonic())

    def start(self) -> None:
        """Nothing to take."""

    def close(self) -> None:
        """Nothing to write down."""

    def _written(self, records: Iterable[PeerRecord], dropped: PeerRecord | None = None) -> None:
        """For stores that write: called before the records count, and `dropped` no more. May raise StoreError."""

    def _touched(self, record: PeerRecord) -> None:
        """For stores that write: a record's TTL or activity changed, and may be written down a little later."""

    def _find(self, cookie: int, port: int) -> PeerRecord:
        record = self._records.get(cookie)
        if record is None or record.port != port:
            raise Forbidden(UNREGISTERED)
        return record

    def _room(self, host: str, limit: int | None) -> PeerRecord | None:
        """The record that makes room for a new one of `host`, None if there is room. Raises Forbidden."""
        if limit is None or self._per_host[neighbourhood(host)] < limit:
            return None
        for cookie in self._inactive.get(neighbourhood(host), ()):
            return self._records[cookie]
        raise Forbidden(FULL)

    def _new_record(self, host: str, port: int, wide: bool) -> PeerRecord:
        low, high = (MAX_COOKIE_1_0, MAX_COOKIE) if wide else (0, MAX_COOKIE_1_0)
        cookie = low + 1 + secrets.randbelow(high - low)
        while cookie in self._records or cookie in self._taken:
            cookie = low + 1 + secrets.randbelow(high - low)
        return PeerRecord(host, port, cookie)

    def _commit(self, *records: PeerRecord, dropped: PeerRecord | None = None) -> None:
        self._written(records, dropped)
        if dropped is not None:
            self._drop(dropped)
        for record in reversed(records):  # whoever loses an address goes before the one who takes it
            self._put(record)

    def _drop(self, record: PeerRecord) -> None:
        """Forget an inactive record."""
        del self._records[record.cookie]
        self._count(record, None)
        self._note_activity(record, True)

    def _put(self, record: PeerRecord) -> None:
        old = self._records.get(record.cookie)
        if old is None or old.host != record.host:
            self._count(old, record)
        if old is not None:
            self._note_activity(old, True)
        self._note_activity(record, record.active)
        self._records[record.cookie] = record
        if old is not None and old.active and not (record.active and old.address == record.address):
            self._close_address(old)
        if record.active:
            self._open_address(record)

    def _count(self, old: PeerRecord | None, record: PeerRecord | None) -> None:
        if record is not None:
            self._per_host[neighbourhood(record.host)] += 1
        if old is not None:
            left = neighbourhood(old.host)
            self._per_host[left] -= 1
            if not self._per_host[left]:
                del self._per_host[left]

    def _note_activity(self, record: PeerRecord, is_active: bool) -> None:
        """Keep `_inactive` in step."""
        hood = neighbourhood(record.host)
        if not is_active:
            self._inactive.setdefault(hood, {})[record.cookie] = None
        elif hood in self._inactive:
            self._inactive[hood].pop(record.cookie, None)
            if not self._inactive[hood]:
                del self._inactive[hood]

    def _close_address(self, record: PeerRecord) -> None:
        del self._holders[record.address]
        self._book.remove([record.address])

    def _open_address(self, record: PeerRecord) -> None:
        address = record.address
        if address not in self._holders:
            self._book.add(address)
        self._holders[address] = record
        if record.cookie not in self._in_due:
            self._in_due.add(record.cookie)
            heappush(self._due, (record.deadline, record.cookie))

    def _revive(self, record: PeerRecord, now: float) -> None:
        self._expire(now)
        rival = self._holders.get(record.address)
        if rival is not None:
            rival.active = False
            self._note_activity(rival, False)
            self._touched(rival)
        record.revive(now + self.ttl, self._wall())
        self._note_activity(record, True)
        self._open_address(record)

    def _expire(self, now: float) -> int:
        due, gone = self._due, []
        while due and due[0][0] <= now:
            _, cookie = heappop(due)
            self._in_due.discard(cookie)
            record = self._records.get(cookie)
            if record is None:
                continue  # it left, and has made room for another since
            if record.alive(now):
                self._in_due.add(cookie)
                heappush(due, (record.deadline, cookie))
            elif record.active:
                gone.append(record)
        for record in gone:
            record.active = False
            self._note_activity(record, False)
            del self._holders[record.address]
            self._touched(record)
        self._book.remove([record.address for record in gone])
        return len(gone)
