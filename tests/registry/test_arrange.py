"""The order of a whole table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.address_book import key
from p2p_twisted.registry.arrange import arrange_named, arrange_packed, slots_with
from p2p_twisted.registry.record import PeerRecord
from p2p_twisted.registry.table import ACTIVE, Table

hosts = st.sampled_from(["10.0.0.1", "10.0.0.10", "9.9.9.9", "255.255.255.255", "h", "2001:db8::1"])
entries = st.lists(st.tuples(hosts, st.sampled_from([1, 65535]), st.booleans(), st.integers(0, 3)), max_size=20)


@given(entries)
def test_of_the_active_records_at_one_address_a_latest_one_is_kept(
    entries: list[tuple[str, int, bool, int]],
) -> None:
    table = Table()
    for cookie, (host, port, active, deadline) in enumerate(entries):
        table.put(PeerRecord(host, port, cookie, active, deadline))
    latest: dict[tuple[str, int], int] = {}
    for host, port, active, deadline in entries:
        if active:
            latest[host, port] = max(deadline, latest.get((host, port), 0))
    displaced = []
    for arranged, is_packed in ((arrange_packed(table), True), (arrange_named(table), False)):
        wanted = sorted(address for address in latest if (key(address) is not None) == is_packed)
        kept = [table.record(slot) for slot in arranged.slots]
        assert [record.address for record in kept] == wanted
        assert list(arranged.keys) == [key(address) if is_packed else address for address in wanted]
        assert all(record.deadline == latest[record.address] for record in kept)
        displaced += arranged.displaced
    assert len(displaced) + len(latest) == len(slots_with(table, ACTIVE, ACTIVE))
    assert all(table.flags[slot] & ACTIVE for slot in displaced)
