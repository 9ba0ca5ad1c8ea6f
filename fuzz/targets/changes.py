"""Changes: the body of an answer to GET INDEX with Since, to `parse_change`."""

from __future__ import annotations

from collections.abc import Iterator

from fuzz.harness import bounded
from p2p_twisted.wire.changes import Change, Have, Heard, encode_change, parse_change
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.ranges import from_ranges, to_ranges

COUNT = 10_000
"""Pieces of a file, where a change says which of them there are."""


def _accepted(data: bytes) -> Iterator[Change | Heard]:
    for line in data.split(b"\n"):
        try:
            yield parse_change(line.decode("utf-8", "replace"))
        except BadRequest as error:
            assert error.reason.isprintable()


@bounded
def one(data: bytes) -> None:
    """Parse `data`; a change that is accepted means the same when it is encoded and parsed again."""
    for change in _accepted(data):
        assert parse_change(encode_change(change)) == change
        if isinstance(change, Have):
            pieces = from_ranges(change.pieces, COUNT)
            assert 0 <= pieces < 1 << COUNT
            assert (change.pieces and change.pieces[-1][1] >= COUNT) or to_ranges(pieces) == change.pieces
