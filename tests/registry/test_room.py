"""The counts of records and who makes room, against plain lists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.packed import pack
from p2p_twisted.registry.record import PeerRecord
from p2p_twisted.registry.room import Room, group_of
from p2p_twisted.wire.fields import neighbourhood

hosts = st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2", "::ffff:10.0.0.1", "h"])
steps = st.lists(st.tuples(st.integers(1, 6), hosts, st.booleans(), st.booleans(), st.integers(0, 4)), max_size=40)


@given(steps)
def test_the_room_is_what_plain_lists_say(steps: list[tuple[int, str, bool, bool, int]]) -> None:
    room = Room()
    records: dict[int, PeerRecord] = {}  # in the order of their last change
    for cookie, host, active, proven, action in steps:
        old = records.pop(cookie, None)
        if action == 0 and old is not None:
            room.drop(cookie, old)
            continue
        records[cookie] = record = PeerRecord(host, 1, cookie, active, proven=proven)
        room.put(cookie, old, record)
    for name in {None, *(neighbourhood(record.host) for record in records.values())}:
        group = None if name is None else group_of(name)
        there = [r for r in records.values() if name is None or neighbourhood(r.host) == name]
        assert room.size(group) == len(there)
        inactive = [r for r in there if not r.active]
        expected = [r.cookie for r in inactive if not r.proven] or [r.cookie for r in inactive]
        assert room.replaceable(group) == (expected[0] if expected else None)
    assert room.size(group_of("10.9.9.9")) == 0 and room.replaceable(group_of("10.9.9.9")) is None


def test_it_begins_with_the_hosts_of_active_records() -> None:
    room, host = Room(), pack("10.0.0.1")
    assert host is not None
    room.load([(host, 3)])
    room.put(9, None, PeerRecord("10.0.0.1", 1, 1))
    assert (room.size(None), room.size(group_of("10.0.0.1")), room.replaceable(None)) == (4, 4, 9)
