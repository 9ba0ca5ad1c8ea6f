"""Which RS a peer uses of those that it may use, and which one next; pure.

The order is drawn by chance, so that many peers spread over all RS. The first in it is this peer's *home*. A peer stays
with an RS that works: when its home is back, it returns only after a time drawn between MIN_AWAY and MAX_AWAY, so that
an RS that starts again does not meet all its peers at once, but has its share of them within half an hour.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ...wire.address import Address

FAIL_OVER_TIME = 4.0
"""Seconds in which all RS but one may fail to answer, divided among them..."""
MIN_TIMEOUT = 0.8
MAX_TIMEOUT = 2.0
"""... but at least and at most so many seconds for each, until no RS has answered: then twice as long, and so on."""
MAX_DOUBLED = 3
SLOW_FACTOR = 3
"""An RS has at least so many times the seconds of the slowest connection or short answer lately..."""
FORGET_FACTOR = 0.9
"""... which each later one shortens by this factor..."""
LONGEST_TIMEOUT = 20.0
"""... but never more than this."""
MIN_AWAY = 600.0
MAX_AWAY = 1800.0
"""Seconds after which a peer tries to return to its home."""


class Rs(NamedTuple):
    """One RS: `name` is the host that the user gave, and that TLS checks; `host` the IP address that is dialled."""

    name: str
    port: int
    host: str

    @property
    def address(self) -> Address:
        """The address that is dialled."""
        return self.host, self.port

    @property
    def label(self) -> str:
        """The RS for people: its name and port, and its address where that is another."""
        return f"{self.name}:{self.port}" + ("" if self.name == self.host else f" ({self.host})")


class Record(NamedTuple):
    """What DNS says of one name, as an SRV record has it: RS at `port` of one of the IP addresses `hosts`."""

    port: int
    hosts: Sequence[str]
    priority: int = 0
    weight: int = 1


def draw(names: Iterable[tuple[str, Sequence[Record]]]) -> list[Rs]:
    """Return the RS of all `names` in an order drawn by chance, in which each name has the same chance to be first.

    The records of a name are in the order of their priorities, and drawn by their weights (RFC 2782). Of the addresses
    of one record, those of the family that the resolver has put first are first.
    """
    shuffled = list(names)
    random.shuffle(shuffled)
    records = [(name, record) for name, found in shuffled for record in _by_weight(found)]
    return list(dict.fromkeys(Rs(name, record.port, host) for name, record in records for host in _hosts(record)))


def _by_weight(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (record.priority, random.expovariate(max(record.weight, 0.01))))


def _hosts(record: Record) -> list[str]:
    families = list(dict.fromkeys(":" in host for host in record.hosts))
    return sorted(record.hosts, key=lambda host: (families.index(":" in host), random.random()))


class RsChoice:
    """The RS in use, and those that failed and why. Times are seconds on one clock."""

    def __init__(self) -> None:
        self.current: Rs | None = None
        """The RS to ask first; None before any is known."""
        self._order: list[Rs] = []
        self._failures: dict[Rs, tuple[float, str]] = {}
        self._return_at: float | None = None
        self._last_good: Rs | None = None
        self._slowest = 0.0
        self._rounds = 0

    @property
    def known(self) -> Sequence[Rs]:
        """All RS, the home first."""
        return self._order

    def update(self, drawn: Sequence[Rs], now: float) -> None:
        """Take the RS that are `drawn` in place of those before, unless they are the same ones, or none."""
        if not drawn or set(drawn) == set(self._order):
            return
        self._order = list(drawn)
        self._failures = {rs: failure for rs, failure in self._failures.items() if rs in drawn}
        self._return_at = None
        self._use(self.current if self.current in drawn else drawn[0], now)

    def next(self, tried: Collection[Rs]) -> Rs | None:
        """Return the RS to ask, none of `tried`: the current one, or the best of the others; None if no more."""
        return self.current if self.current is not None and self.current not in tried else self._best(tried)

    def _best(self, tried: Collection[Rs]) -> Rs | None:
        left = [rs for rs in self._order if rs not in tried]
        return min(left, key=lambda rs: (self._failures.get(rs, (-1.0,))[0], rs != self._last_good), default=None)

    def failed(self, rs: Rs, why: str, now: float) -> None:
        """Note that `rs` has not answered as it should; if it is the current one, another is from now on."""
        if rs not in self._order:
            return
        self._failures[rs] = now, why
        if rs == self.current:
            self._use(self._best((rs,)) or rs, now)

    def took(self, seconds: float) -> None:
        """Note how long an RS took to accept a connection, or to give a short answer."""
        self._slowest = max(min(seconds, LONGEST_TIMEOUT), FORGET_FACTOR * self._slowest)

    def answered(self, rs: Rs, now: float) -> None:
        """Note that `rs` has answered."""
        self._failures.pop(rs, None)
        self._last_good = rs
        self._rounds = 0
        if self.current in self._failures and rs in self._order:
            self._use(rs, now)

    def _use(self, rs: Rs | None, now: float) -> None:
        self.current = rs
        if rs == self._order[0]:
            self._return_at = None
        elif self._return_at is None:
            self._return_at = now + random.uniform(MIN_AWAY, MAX_AWAY)

    def none_answered(self) -> None:
        """Note that all have been tried in vain: from now on they have more time."""
        self._rounds = min(self._rounds + 1, MAX_DOUBLED)

    @property
    def timeout(self) -> float | None:
        """Seconds that an RS has to answer before the next is asked; None if there is no other."""
        if len(self._order) < 2:
            return None
        share = min(max(FAIL_OVER_TIME / len(self._order), MIN_TIMEOUT), MAX_TIMEOUT)
        return min(max(share * (1 << self._rounds), SLOW_FACTOR * self._slowest), LONGEST_TIMEOUT)

    def home_due(self, now: float) -> Rs | None:
        """Return the home if this is the time to try to return to it; the next is MIN_AWAY later or more."""
        if self._return_at is None or now < self._return_at:
            return None
        self._return_at = now + random.uniform(MIN_AWAY, MAX_AWAY)
        return self._order[0]

    def came_home(self, now: float) -> None:
        """Note that the home has answered, and is used again."""
        self._use(self._order[0], now)

    def error_of(self, rs: Rs) -> str | None:
        """Return why `rs` did not answer when it was last asked; None if it did, or was not asked."""
        return self._failures[rs][1] if rs in self._failures else None

    def why(self, now: float) -> str:
        """Return why the current RS is the one, for people."""
        total = len(self._order)
        if total < 2:
            return "it is the only one"
        home = self._order[0]
        if self.current == home or home not in self._failures:
            return f"drawn by chance from {total}"
        at, why = self._failures[home]
        return f"{home.label} failed {now - at:.0f} s ago: {why}"
