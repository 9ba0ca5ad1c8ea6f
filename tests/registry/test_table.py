"""The columns against the records that were put there."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.packed import pack_all
from p2p_twisted.registry.record import PeerRecord
from p2p_twisted.registry.table import ACTIVE, FREE, PROVEN, UNWRITTEN, Columns, Table

hosts = st.sampled_from(["10.0.0.1", "255.255.255.255", "2001:db8::1", "peer.example.org"])
times = st.lists(st.integers(0, 5), max_size=3).map(tuple)
records = st.builds(
    *(PeerRecord, hosts, st.integers(1, 65535), st.integers(0, 6), st.booleans()),
    *(st.floats(0, 1e9), st.integers(0, 5), times, st.booleans()),
)


def everything(table: Table) -> list[PeerRecord]:
    """Return all records, which are asked for three places at a time, the last ones beyond the end."""
    found = [record for start in range(0, len(table.flags), 3) for record in table.records(range(start, start + 3))]
    return sorted(found, key=lambda record: record.cookie)


def fields(record: PeerRecord) -> tuple[object, ...]:
    return record.deadline, record.proven, record


@given(st.lists(st.tuples(records, st.booleans()), max_size=40))
def test_a_record_comes_out_as_it_was_put_in(steps: list[tuple[PeerRecord, bool]]) -> None:
    table, model = Table(), dict[int, PeerRecord]()
    for record, is_drop in steps:
        if is_drop and record.cookie in model:
            table.drop(record.cookie)
            del model[record.cookie]
        else:
            table.put(record)
            model[record.cookie] = record
    assert list(map(fields, everything(table))) == [fields(model[cookie]) for cookie in sorted(model)]
    assert len(table) == len(model) <= len(table.flags) <= 7
    assert sorted(cookie for cookie in table.cookies if cookie != FREE) == sorted(model)


def test_many_at_once_are_as_if_put_one_by_one() -> None:
    table, other = Table(), Table()
    made = [PeerRecord(f"10.0.0.{n}", n, n * n, n % 2 > 0, n / 2, n, (n,) * n, n > 2) for n in range(1, 5)]
    flags = bytes(record.active * ACTIVE | record.proven * PROVEN for record in made)
    columns = Columns(
        array("q", [record.cookie for record in made]),
        pack_all(record.host for record in made),
        array("H", [record.port for record in made]),
        flags,
        array("d", [record.deadline for record in made]),
        array("q", [record.registered_at for record in made]),
    )
    for record in made[:1] + made[1:]:
        other.put(record)
    table.extend(columns, {number: record.activations for number, record in enumerate(made) if number})
    assert list(map(fields, everything(table))) == list(map(fields, everything(other))) == list(map(fields, made))


def test_what_is_to_be_written_stays_so_in_whatever_record_has_the_slot() -> None:
    table = Table()
    slot = table.put(PeerRecord("h", 1, 5))
    table.flags[slot] |= UNWRITTEN
    table.drop(5)
    assert table.put(PeerRecord("h", 1, 6)) == slot
    assert table.flags[slot] & UNWRITTEN
