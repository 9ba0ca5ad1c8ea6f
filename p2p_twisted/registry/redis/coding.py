"""Records, and the changes of them, as they are in Redis. Pure.

A record is a text: two flags (active, proven), then host, port, time of the last Register, and the times of the
activations, all separated by spaces: ``11 192.0.2.1 65400 1700000000 1700000000``. Its deadline is apart, in
milliseconds of Unix time. Anybody may have written to Redis, so all that is read is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...wire import fields
from ...wire.errors import BadRequest
from ...wire.limits import MAX_COOKIE
from ..record import PeerRecord

MAX_DEADLINE = 1000 * fields.LAST_MODIFIED
"""Milliseconds of Unix time."""

_VALUE = re.compile(rb"([01])([01]) ([\x21-\x7e]{1,255}) ([0-9]{1,5}) ([0-9]{1,12})((?: [0-9]{1,12}){0,1000})")

_PUT, _RENEWALS = {b"after", b"cookie", b"value", b"deadline"}, {b"after", b"renewed"}
"""The members of an entry of the log."""

_RENEWED = re.compile(rb"[0-9]{1,19} [0-9]{1,15}(?: [0-9]{1,19} [0-9]{1,15})*")

Position = tuple[int, int]
"""The id of an entry of the log: milliseconds of Unix time, and a number."""

START: Position = (0, 0)
"""Before the first entry of the log."""


class Timeline:
    """The clock of the engine, as seen from the monotonic clock of this process.

    All RS that share an engine count on its clock, so it does not matter whether their own clocks agree. `offset`:
    seconds to add to this process's monotonic time.
    """

    def __init__(self, offset: float) -> None:
        self._offset = round(offset, 3)

    def distance(self, other: Timeline) -> float:
        """Return the seconds between the engine's clock as it is seen here, and as `other` sees it."""
        return abs(self._offset - other._offset)

    def mark(self, now: float) -> int:
        """Return the whole milliseconds of the engine's clock that have passed at the monotonic time `now`."""
        return int((now + self._offset) * 1000 // 1)

    def deadline(self, deadline: float) -> int:
        """Return a deadline in milliseconds of the engine's clock."""
        return round((deadline + self._offset) * 1000)

    def monotonic(self, milliseconds: int) -> float:
        """Return a deadline in monotonic seconds."""
        return round(milliseconds / 1000 - self._offset, 3)


class Put(NamedTuple):
    """A change of the log: a record was entered or replaced, and another one perhaps forgotten for it."""

    cookie: int
    value: bytes
    deadline: int
    dropped: int | None


class Renewals(NamedTuple):
    """A change of the log: an RS renewed records."""

    renewed: bytes
    """The records and their deadlines, as `decode_renewals` reads them."""


class Entry(NamedTuple):
    """An entry of the log."""

    position: Position
    after: Position
    """The entry before it: if that is not the last one that was read, some are missing."""
    change: Put | Renewals


def encode_record(record: PeerRecord) -> bytes:
    """Return the value of a record, without its deadline."""
    times = "".join(f" {time}" for time in record.activations)
    text = f"{record.active:d}{record.proven:d} {record.host} {record.port} {record.registered_at}{times}"
    return text.encode("ascii")


def decode_record(cookie: int, value: bytes, deadline: float) -> PeerRecord:
    """Return the record of a value; `deadline` in monotonic seconds. Raises BadRequest."""
    match = _VALUE.fullmatch(value)
    if match is None:
        raise BadRequest("it is not written as this version writes records")
    active, proven, host, port, registered_at, times = match.groups()
    activations = tuple(map(int, times.split()))
    if max((int(registered_at), *activations)) > fields.LAST_MODIFIED:
        raise BadRequest("a time in it is after the year 9999")
    return PeerRecord(
        host.decode(),
        fields.port(port.decode()),
        cookie,
        active == b"1",
        deadline,
        int(registered_at),
        activations,
        proven == b"1",
    )


def decode_cookie(data: bytes) -> int:
    """Return a cookie. Raises BadRequest."""
    return fields.number(data.decode("ascii", "replace"), "cookie", 0, MAX_COOKIE)


def decode_deadline(data: bytes | None) -> int:
    """Return milliseconds of Unix time. Raises BadRequest."""
    return fields.number((data or b"").decode("ascii", "replace"), "deadline", 0, MAX_DEADLINE)


def decode_position(data: bytes) -> Position:
    """Return the id of an entry of the log. Raises BadRequest."""
    first, _, second = data.decode("ascii", "replace").partition("-")
    return fields.number(first, "id"), fields.number(second, "id")


def encode_position(position: Position) -> bytes:
    """Return the id of an entry of the log as Redis writes it."""
    return b"%d-%d" % position


def decode_entry(name: bytes, members: Sequence[bytes]) -> Entry:
    """Return an entry of the log. Raises BadRequest."""
    got = dict(zip(members[::2], members[1::2], strict=False))
    if not any(needed <= got.keys() for needed in (_PUT, _RENEWALS)):
        raise BadRequest("it is not written as this version writes the log")
    return Entry(decode_position(name), decode_position(got[b"after"]), _change(got))


def _change(got: dict[bytes, bytes]) -> Put | Renewals:
    if b"renewed" in got:
        return Renewals(got[b"renewed"])
    dropped = got.get(b"dropped", b"")
    return Put(
        decode_cookie(got[b"cookie"]),
        got[b"value"],
        decode_deadline(got[b"deadline"]),
        decode_cookie(dropped) if dropped else None,
    )


def encode_renewals(renewed: Iterable[tuple[int, int]]) -> bytes:
    """Return cookies and deadlines (milliseconds of Unix time) as the text of `Renewals`."""
    return b" ".join([b"%d %d" % one for one in renewed])


def decode_renewals(text: bytes) -> list[tuple[int, int]]:
    """Return the cookies and deadlines of `Renewals`. Raises BadRequest."""
    if not _RENEWED.fullmatch(text):
        raise BadRequest("it is not written as this version writes renewals")
    numbers = list(map(int, text.split()))
    return list(zip(numbers[::2], numbers[1::2], strict=True))
