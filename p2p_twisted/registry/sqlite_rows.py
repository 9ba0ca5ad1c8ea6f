"""The rows of a registry in SQLite: peer records, made of rows that anybody may have written, and rows made of them.

Rows are read many at a time, column by column; where one of them is not of the usual form, one by one.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from itertools import compress
from operator import ne

from ..wire import fields
from ..wire.errors import BadRequest
from ..wire.limits import MAX_COOKIE
from .packed import pack_all
from .record import Moment, PeerRecord
from .table import ACTIVE, PROVEN, Columns, Table

Row = tuple[int, str, int, int, float, int, str, int]
"""A row as it is written. In one that is read, any column may have a value of any type: SQLite does not check them."""


def row_of(record: PeerRecord, at: Moment) -> Row:
    """Return the row of a record."""
    times = " ".join(map(str, record.activations))
    expires = record.deadline + (at.wall - at.now)
    return record.cookie, record.host, record.port, record.active, expires, record.registered_at, times, record.proven


def load_rows(rows: list[Row], table: Table, at: Moment, skip: Callable[[Row, str], None]) -> None:
    """Enter the records of `rows`, which were read, into `table`; `skip` is given those that cannot be, and why."""
    try:
        _load_columns(rows, table, at)
    except (TypeError, ValueError, OSError, OverflowError, BadRequest):
        for row in rows:
            try:
                table.put(record_of(row, at))
            except BadRequest as error:
                skip(row, error.reason)


def record_of(row: Row, at: Moment) -> PeerRecord:
    """Return the record of a row that was read. Raises BadRequest."""
    cookie, host, port, active, expires, registered_at, activations, proven = row
    if not isinstance(expires, int | float) or not math.isfinite(expires):
        raise BadRequest(f"expires must be a number, not {expires!a:.50}")
    left = min(expires - at.wall, at.deadline - at.now)  # a clock that was set back must not make it longer
    return PeerRecord(
        fields.host(_text(host, "host")),
        _whole(port, "port", 1, 65535),
        _whole(cookie, "cookie", 0, MAX_COOKIE),
        _whole(active, "active", 0, 1) == 1 and left > 0,
        at.now + left,
        _whole(registered_at, "registered_at", 0, fields.LAST_MODIFIED),
        _times(_text(activations, "activations")),
        _whole(proven, "proven", 0, 1) == 1,
    )


def _load_columns(rows: list[Row], table: Table, at: Moment) -> None:
    """Enter all of `rows`. If one of them is not usual, in any way, raise any error; none is entered then."""
    cookies, hosts, ports, active, expires, registered_at, activations, proven = zip(*rows, strict=True)
    if not ({*active, *proven} <= {0, 1} and min(ports) > 0 and min(cookies) >= 0 and math.isfinite(sum(expires))):
        raise ValueError
    if min(registered_at) < 0 or max(registered_at) > fields.LAST_MODIFIED:
        raise ValueError
    flags, deadlines = _states(active, expires, proven, at)
    columns = Columns(
        array("q", cookies), pack_all(hosts), array("H", ports), flags, deadlines, array("q", registered_at)
    )
    others = compress(range(len(rows)), map(ne, activations, map(str, registered_at)))
    table.extend(columns, {number: _times(_text(activations[number], "activations")) for number in others})


def _states(
    active: Sequence[int], expires: Sequence[float], proven: Sequence[int], at: Moment
) -> tuple[bytes, array[float]]:
    """Return the flags and the deadlines of rows."""
    ttl = at.deadline - at.now
    if at.wall < min(expires) and max(expires) <= at.wall + ttl and sum(active) == sum(proven) == len(active):
        offset = at.now - at.wall  # most rows are of this kind
        return bytes([ACTIVE | PROVEN]) * len(active), array("d", [when + offset for when in expires])
    left = [min(when - at.wall, ttl) for when in expires]
    states = zip(active, proven, left, strict=True)
    flags = bytes([is_active * ACTIVE * (some > 0) | is_proven * PROVEN for is_active, is_proven, some in states])
    return flags, array("d", [at.now + some for some in left])


def _text(value: object, column: str) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{column} must be text")
    return value


def _whole(value: object, column: str, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(f"{column} must be a whole number from {low} to {high}")
    return value


def _times(text: str) -> tuple[int, ...]:
    try:
        times = tuple(map(int, text.split()))
    except ValueError:
        times = (-1,)
    if times and not 0 <= min(times) <= max(times) <= fields.LAST_MODIFIED:
        raise BadRequest("activations must be Unix times, separated by spaces")
    return times
