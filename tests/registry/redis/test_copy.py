"""The copy of all records: how it takes up changes, whatever they are."""

from __future__ import annotations

from p2p_twisted.registry.record import PeerRecord
from p2p_twisted.registry.redis.coding import Timeline, encode_position, encode_record, encode_renewals
from p2p_twisted.registry.redis.copy import MAX_WARNINGS, LocalCopy, Row
from tests.support.captured_log import captured_log
from tests.support.registries import START, StillClocks, result_of

TTL = 7200
Change = tuple[bytes, list[bytes]]


class Copy:
    """A copy that has read nothing yet, and the entries of a log that it is given."""

    def __init__(self) -> None:
        self.clocks = StillClocks(TTL)
        self.timeline = Timeline(START)
        self.store = LocalCopy(self.clocks.clocks, "redis")
        self.read()
        self._last = 0

    def read(self, *rows: Row) -> None:
        self.store.replace_all(rows, (0, 0), self.timeline)
        self._last = 0

    def entry(self, *members: bytes) -> Change:
        """Return the next entry of the log."""
        after, self._last = self._last, self._last + 1
        return encode_position((0, self._last)), [b"after", encode_position((0, after)), *members]

    def put(self, record: PeerRecord, dropped: bytes = b"") -> Change:
        deadline = b"%d" % self.timeline.deadline(record.deadline)
        value = encode_record(record)
        return self.entry(b"cookie", b"%d" % record.cookie, b"value", value, b"deadline", deadline, b"dropped", dropped)

    def renewed(self, cookie: int, deadline: float) -> Change:
        return self.entry(b"renewed", encode_renewals([(cookie, self.timeline.deadline(deadline))]))

    def take(self, *entries: Change) -> bool:
        return self.store.take_all(entries, self.timeline)

    def peer(self, cookie: int, port: int = 1, active: bool = True) -> PeerRecord:
        return PeerRecord("10.0.0.1", port, cookie, active, self.clocks.now + TTL, 5, (5,))

    def row(self, record: PeerRecord) -> Row:
        deadline = b"%d" % self.timeline.deadline(record.deadline)
        return Row(b"%d" % record.cookie, encode_record(record), deadline)

    def records(self) -> list[tuple[int, int, bool, int]]:
        records = result_of(self.store.records())
        return [(one.cookie, one.port, one.active, one.ttl(self.clocks.now)) for one in records]

    def listed(self) -> list[int]:
        return [port for _, port in result_of(self.store.active())[0]]


def test_changes_are_taken_up_in_their_order() -> None:
    copy = Copy()
    assert copy.take(copy.put(copy.peer(7)), copy.put(copy.peer(7, active=False)), copy.put(copy.peer(8, 2)))
    assert copy.records() == [(7, 1, False, 0), (8, 2, True, TTL)]
    assert copy.listed() == [2] and copy.store.position == (0, 3)


def test_nothing_is_taken_after_a_change_that_is_missing() -> None:
    copy = Copy()
    first, _missing, third = (copy.put(copy.peer(cookie, cookie)) for cookie in (1, 2, 3))
    assert not copy.take(first, third)
    assert copy.listed() == [1] and copy.store.position == (0, 1)


def test_a_change_that_cannot_be_read_is_named_and_stops_nothing() -> None:
    copy = Copy()
    bad = copy.entry(b"cookie", b"5", b"value", b"of a newer version", b"deadline", b"1")
    with captured_log() as lines:
        assert copy.take(bad, copy.entry(b"renewed", b"x"), copy.put(copy.peer(6)))
    assert copy.listed() == [1] and copy.store.skipped == 2 and len(list(lines)) == 2


def test_an_entry_of_somebody_else_in_the_log_is_a_gap() -> None:
    copy = Copy()
    copy.take(copy.put(copy.peer(1)))
    copy.entry()  # it has the number of theirs
    assert not copy.take((b"0-2", [b"colour", b"blue"]), copy.put(copy.peer(2, 2)))
    assert copy.listed() == [1] and copy.store.skipped == 1


def test_who_is_at_the_address_of_another_becomes_inactive() -> None:
    copy = Copy()
    assert copy.take(copy.put(copy.peer(1)), copy.put(copy.peer(2)))
    assert copy.records() == [(1, 1, False, 0), (2, 1, True, TTL)] and copy.listed() == [1]


def test_a_record_that_made_room_is_forgotten_even_if_it_is_active_here() -> None:
    copy = Copy()
    assert copy.take(copy.put(copy.peer(1)), copy.put(copy.peer(2, 2), b"1"), copy.put(copy.peer(3, 3), b"99"))
    assert copy.listed() == [2, 3] and [cookie for cookie, *_ in copy.records()] == [2, 3]


def test_a_renewal_moves_a_deadline_forward_only_and_revives_who_ran_out() -> None:
    copy = Copy()
    copy.take(copy.put(copy.peer(1)), copy.renewed(1, copy.clocks.now + 1), copy.renewed(99, copy.clocks.now + 1))
    assert copy.records() == [(1, 1, True, TTL)]
    late = copy.clocks.now + TTL + 5
    copy.clocks.advance(TTL)
    assert copy.listed() == []
    copy.take(copy.renewed(1, copy.clocks.now - 1))
    assert copy.listed() == []
    copy.take(copy.renewed(1, late))
    assert copy.records() == [(1, 1, True, 5)] and copy.listed() == [1]


def test_what_was_renewed_here_keeps_its_deadline_when_all_is_read_again() -> None:
    copy = Copy()
    old, gone = copy.peer(1), copy.peer(2, 2)
    copy.read(copy.row(old), copy.row(gone))
    copy.clocks.advance(100)
    assert copy.store.renew(1, 1, "10.0.0.1") and copy.store.renew(2, 2, "10.0.0.1")
    copy.read(copy.row(old))
    assert copy.records() == [(1, 1, True, TTL)]
    assert [cookie for cookie, _ in copy.store.take_renewed(9, copy.timeline)] == [1]
    assert not copy.store.waiting
    copy.store.give_back([(1, 0), (2, 0)])
    assert len(copy.store.waiting) == 1


def test_all_is_read_again_in_place_of_what_was_there() -> None:
    copy = Copy()
    copy.read(copy.row(copy.peer(1)), copy.row(copy.peer(2, 2, active=False)))
    before = result_of(copy.store.generation())
    copy.clocks.advance(TTL)
    copy.read(copy.row(copy.peer(3, 3)), copy.row(copy.peer(1)))
    assert copy.listed() == [1, 3] and result_of(copy.store.generation()) != before


def test_only_some_lines_are_logged_about_many_bad_records() -> None:
    copy = Copy()
    with captured_log() as lines:
        copy.read(*(Row(b"%d" % cookie, b"?", b"1") for cookie in range(100)), Row(b"x", b"", None))
    assert copy.store.skipped == 101 and len(list(lines)) == MAX_WARNINGS
