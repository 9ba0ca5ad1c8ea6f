"""Index records: the body of an answer to GET INDEX, to `parse_record`, which rejects lines that are not records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fuzz.harness import bounded
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.messages import Version
from p2p_twisted.wire.records import IndexRecord, encode_record, parse_record


def _accepted(data: bytes) -> Iterator[IndexRecord]:
    for line in data.split(b"\n"):
        try:
            yield parse_record(line.decode("utf-8", "replace"))
        except BadRequest as error:
            assert error.reason.isprintable()


@bounded
def one(data: bytes) -> None:
    """Parse `data`; a record that is accepted means the same when it is encoded and parsed again."""
    for record in _accepted(data):
        assert parse_record(encode_record(record, Version.V11)) == record
        if record.private:  # never told in 1.0
            continue
        in_1_0 = replace(record, size=None, sha256=None, pieces=None)
        assert parse_record(encode_record(record, Version.V10)) == in_1_0
