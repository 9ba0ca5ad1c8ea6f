"""The wrong cookies of each host: who guesses is answered slowly, then not at all. Pure: it is given the time.

A cookie of 31 bits counts only from the host that it was given to, so only somebody on that host (behind the same NAT)
can guess it; with `n` such peers there, a guess is right with a probability of n / 2**31. Every wrong cookie counts,
also one that is answered late or never, and some are forgiven each minute: a host has at most `limit` guesses at once
and these from then on. Nobody guesses a cookie of 63 bits; those that are wrong are mostly of honest peers, all of
whom come back at once when an RS has lost its registry: WIDE_SHARE of them count as one.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import NamedTuple

from ..wire.fields import neighbourhood

FREE_SHARE = 60
"""One of so many of the wrong cookies that a host may send is answered at once: a few mistakes cost nobody time."""
WIDE_SHARE = 40
"""So many wrong cookies of 63 bits count as one."""
FIRST_DELAY = 0.1
MAX_DELAY = 4.0
"""Seconds by which the first and the last answers are delayed; doubled with each wrong cookie."""
MAX_WAITING = 32
"""Most answers of one host that are delayed at a time; a connection that makes one more is ended."""
CUT_OFF_TIME = 300.0
"""Seconds for which the connections of a host that guesses on are refused."""
MAX_HOSTS = 10_000
"""Hosts remembered; beyond them, the one whose last wrong cookie is longest ago is forgotten."""


class Step(Enum):
    """The first wrong cookie with which a host is treated otherwise than before."""

    SLOWED = "its answers are delayed"
    CUT_OFF = f"its connections are refused for {CUT_OFF_TIME:.0f} s"


class Verdict(NamedTuple):
    """What to do about a wrong cookie."""

    delay: float | None
    """Seconds before it is answered; None: end the connection. If it is not 0, call `answered` afterwards."""
    step: Step | None
    """Set if it is the first that is treated so."""
    wrong: int
    """Wrong cookies of this host that are not forgiven, this one included."""


class _Host:
    __slots__ = ("count", "cut_off_until", "last", "waiting")

    def __init__(self, now: float) -> None:
        self.count = 0.0
        self.last = now
        self.waiting = 0
        self.cut_off_until = 0.0


class Guesses:
    """Counts the wrong cookies of hosts; of IPv6, those of each /64."""

    def __init__(self, forgiven_per_minute: int) -> None:
        """`forgiven_per_minute`: wrong cookies that each host may send a minute without getting any further."""
        self._forgive_interval = 60 / forgiven_per_minute
        self._hosts: OrderedDict[str, _Host] = OrderedDict()
        self.has_cut_off = False
        """Whether any host was ever cut off: mostly, connections are admitted by this test alone."""

    def __len__(self) -> int:
        return len(self._hosts)

    def wrong(self, host: str, limit: int, now: float, is_wide: bool = False) -> Verdict:
        """Count a wrong cookie of `host`, which is cut off when it has sent `limit`. `is_wide`: it has 63 bits."""
        entry = self._entry(neighbourhood(host), now)
        before = max(0.0, entry.count - (now - entry.last) / self._forgive_interval)
        entry.count = before + (1 / WIDE_SHARE if is_wide else 1)
        entry.last = now
        count = int(entry.count)
        if count >= limit:
            step = None if entry.cut_off_until > now else Step.CUT_OFF
            entry.cut_off_until = now + CUT_OFF_TIME
            self.has_cut_off = True
            return Verdict(None, step, count)
        free = limit // FREE_SHARE
        if count <= free:
            return Verdict(0.0, None, count)
        step = Step.SLOWED if int(before) <= free else None
        if entry.waiting >= MAX_WAITING:
            return Verdict(None, step, count)
        entry.waiting += 1
        return Verdict(min(FIRST_DELAY * 2.0 ** min(count - free - 1, 10), MAX_DELAY), step, count)

    def answered(self, host: str) -> None:
        """Note that a delayed answer was given."""
        entry = self._hosts.get(neighbourhood(host))
        if entry is not None and entry.waiting:
            entry.waiting -= 1

    def is_cut_off(self, host: str, now: float) -> bool:
        """Return whether the connections of `host` are refused."""
        entry = self._hosts.get(neighbourhood(host))
        return entry is not None and entry.cut_off_until > now

    def _entry(self, key: str, now: float) -> _Host:
        self._forget(now)
        entry = self._hosts.get(key)
        if entry is None:
            entry = self._hosts[key] = _Host(now)
        self._hosts.move_to_end(key)
        return entry

    def _forget(self, now: float) -> None:
        """Forget the hosts that are forgiven, and the oldest of too many; they are in the order of their last guess."""
        while self._hosts:
            key, oldest = next(iter(self._hosts.items()))
            is_forgiven = now - oldest.last > max(CUT_OFF_TIME, oldest.count * self._forgive_interval)
            if not is_forgiven and len(self._hosts) < MAX_HOSTS:
                return
            del self._hosts[key]
