"""Records in little memory."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from p2p_twisted.index.packed import hash_of, is_private, pack, title_of, unpack
from p2p_twisted.wire.messages import Version
from p2p_twisted.wire.records import IndexRecord
from tests.support.wire_strategies import records


@given(records(Version.V11))
def test_a_record_comes_back_as_it_was(record: IndexRecord) -> None:
    packed = pack(record)
    assert unpack(record.name, packed, (record.host, record.port), record.ttl) == record
    assert title_of(packed) == record.title
    assert hash_of(packed).hex() == (record.sha256 or "")
    assert is_private(packed) == record.private


@given(records(Version.V11))
def test_who_has_it_makes_no_difference(record: IndexRecord) -> None:
    assert pack(replace(record, host="10.0.0.9", port=7, ttl=1)) == pack(record)
