"""Records and changes as they are in Redis: what is written is read again, and anything else is a BadRequest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.record import MAX_ACTIVATIONS, PeerRecord
from p2p_twisted.registry.redis import coding
from p2p_twisted.registry.redis.coding import Entry, Put, Renewals, Timeline
from p2p_twisted.wire.errors import BadRequest

times = st.integers(0, 253_402_300_799)
records = st.builds(
    PeerRecord,
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255),
    st.integers(1, 65535),
    st.integers(0, 2**63 - 1),
    st.booleans(),
    st.floats(0, 1e9),
    times,
    st.lists(times, max_size=20).map(tuple),
    st.booleans(),
)


def members(record: PeerRecord) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in PeerRecord.__slots__)


@given(records)
def test_a_record_is_read_as_it_was_written(record: PeerRecord) -> None:
    value = coding.encode_record(record)
    again = coding.decode_record(record.cookie, value, record.deadline)
    assert members(again) == members(record)
    assert coding.encode_record(again) == value


def test_a_record_may_have_all_its_activations() -> None:
    record = PeerRecord("h", 1, 2, True, 0.0, 3, tuple(range(MAX_ACTIVATIONS)))
    assert coding.decode_record(2, coding.encode_record(record), 0.0).activations == record.activations


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"11",
        b"21 h 1 1",
        b"11 h 0 1",
        b"11 h 65536 1",
        b"11 h 1",
        b"11 h 1 1 ",
        b"11 h 1 1 x",
        b"11 h 1 -1",
        b"11 \xff 1 1",
        b"11 h 1 999999999999",
        b"11 h 1 1 999999999999",
        b"11 h 1 1" + b" 1" * 1001,
        b"11 h 1 1\n",
    ],
)
def test_a_value_that_is_no_record(value: bytes) -> None:
    with pytest.raises(BadRequest):
        coding.decode_record(1, value, 0.0)


@given(st.binary(max_size=40))
def test_nothing_else_is_raised(data: bytes) -> None:
    readers: list[Callable[[], object]] = [
        lambda: coding.decode_cookie(data),
        lambda: coding.decode_deadline(data),
        lambda: coding.decode_position(data),
        lambda: coding.decode_renewals(data),
        lambda: coding.decode_record(1, data, 0.0),
        lambda: coding.decode_entry(data, [data, data, b"after", data]),
        lambda: coding.decode_entry(b"1-0", [b"after", data, b"cookie", data, b"value", data, b"deadline", data]),
    ]
    for read in readers:
        try:
            read()
        except BadRequest:
            pass


def test_the_entries_of_the_log() -> None:
    put = [b"after", b"0-0", b"cookie", b"5", b"value", b"11 h 1 1", b"deadline", b"7000", b"dropped", b""]
    assert coding.decode_entry(b"1-2", put) == Entry((1, 2), (0, 0), Put(5, b"11 h 1 1", 7000, None))
    put[-1] = b"6"
    assert coding.decode_entry(b"1-2", put).change == Put(5, b"11 h 1 1", 7000, 6)
    renewed = coding.encode_renewals([(5, 7000), (6, 8000)])
    entry = coding.decode_entry(b"1-3", [b"after", b"1-2", b"renewed", renewed])
    assert entry == Entry((1, 3), (1, 2), Renewals(renewed))
    assert coding.decode_renewals(renewed) == [(5, 7000), (6, 8000)]
    assert coding.decode_position(coding.encode_position((1, 3))) == (1, 3)


@pytest.mark.parametrize("text", [b"", b"1", b"1 2 3", b"1 2 ", b"x 2"])
def test_renewals_that_are_none(text: bytes) -> None:
    with pytest.raises(BadRequest):
        coding.decode_renewals(text)


@given(st.floats(0, 1e7), st.floats(0, 2e9), st.floats(0, 1e7))
def test_a_deadline_has_passed_on_both_clocks_or_on_neither(deadline: float, offset: float, now: float) -> None:
    timeline = Timeline(offset)
    milliseconds = timeline.deadline(deadline)
    local = timeline.monotonic(milliseconds)
    assert abs(local - deadline) < 0.001
    assert timeline.deadline(local) == milliseconds
    for moment in now, local, local + 1, max(0.0, local - 1):
        assert (milliseconds > timeline.mark(moment)) == (local > moment) or abs(local - moment) < 1e-6
