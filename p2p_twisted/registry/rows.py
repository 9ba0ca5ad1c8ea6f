"""A peer record as a row of a table, and back: what a file holds may have been written by anybody."""

from __future__ import annotations

import math

from ..wire import fields
from ..wire.errors import BadRequest
from ..wire.limits import MAX_COOKIE
from .record import PeerRecord

Row = tuple[int, str, int, int, float, int, str]
"""A row as it is written. One that is read may have any values: SQLite does not insist on the types of columns."""

LAST_SECOND = 253402300799
"""The last second of the year 9999, as Unix time."""


def row_of(record: PeerRecord, offset: float) -> Row:
    """The row of `record`; `offset` is what Unix time is ahead of the monotonic clock."""
    times = " ".join(map(str, record.activations))
    expires = record.deadline + offset
    return record.cookie, record.host, record.port, record.active, expires, record.registered_at, times


def record_of(row: Row, now: float, wall: float, ttl: int) -> PeerRecord:
    """The inverse of `row_of`, when `now` on the monotonic clock is `wall` in Unix time. Raises BadRequest."""
    cookie, host, port, active, expires, registered_at, activations = row
    if not isinstance(expires, int | float) or not math.isfinite(expires):
        raise BadRequest(f"expires must be a number, not {expires!a:.50}")
    left = min(expires - wall, ttl)  # a clock set back must not make it longer
    return PeerRecord(
        fields.host(_text(host, "host")),
        _whole(port, "port", 1, 65535),
        _whole(cookie, "cookie", 0, MAX_COOKIE),
        _whole(active, "active", 0, 1) == 1 and left > 0,
        now + left,
        _whole(registered_at, "registered_at", 0, LAST_SECOND),
        _times(_text(activations, "activations")),
    )


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{what} must be text")
    return value


def _whole(value: object, what: str, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(f"{what} must be a whole number from {low} to {high}")
    return value


def _times(text: str) -> tuple[int, ...]:
    try:
        times = tuple(map(int, text.split()))
    except ValueError:
        times = (-1,)
    if times and not 0 <= min(times) <= max(times) <= LAST_SECOND:
        raise BadRequest("activations must be Unix times, parted by spaces")
    return times
