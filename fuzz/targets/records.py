"""Index records: the body of an answer to GET INDEX, to `parse_index`, which skips lines that are not records."""

from __future__ import annotations

from dataclasses import replace

from fuzz.harness import bounded
from p2p_twisted.peer.peers.index_fetch import parse_index
from p2p_twisted.wire.messages import Version
from p2p_twisted.wire.records import encode_record, parse_record


@bounded
def one(data: bytes) -> None:
    """Parse `data`; a record that is accepted means the same when it is encoded and parsed again."""
    records = list(parse_index(data))
    assert len(records) == data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    for record in filter(None, records):
        assert parse_record(encode_record(record, Version.V11)) == record
        if record.private:  # never told in 1.0
            continue
        in_1_0 = replace(record, size=None, sha256=None, pieces=None)
        assert parse_record(encode_record(record, Version.V10)) == in_1_0
