"""What a group of changes touches, and who is told of it."""

from __future__ import annotations

import pytest
from twisted.python.failure import Failure

from p2p_twisted.registry.commit_group import CommitGroup
from p2p_twisted.registry.record import PeerRecord
from p2p_twisted.registry.room import group_of
from p2p_twisted.registry.rules import Changes, Found, Lookup
from tests.support.captured_log import captured_log

NEW, OLD = PeerRecord("10.0.0.1", 1, 5, active=True), PeerRecord("10.0.0.1", 1, 6)
GONE, OTHER = PeerRecord("10.0.0.2", 2, 7), PeerRecord("10.0.0.3", 3, 8)


@pytest.mark.parametrize(
    ("found", "touched"),
    [
        (Found(Lookup(5, ("10.0.0.9", 1))), True),
        (Found(Lookup(6), OLD), True),
        (Found(Lookup(7), GONE), True),
        (Found(Lookup(9, ("10.0.0.1", 1))), True),
        (Found(Lookup(9, ("10.0.0.4", 1)), holder=GONE), True),
        (Found(Lookup(9), PeerRecord("10.0.0.1", 1, 9)), True),
        (Found(Lookup(9, ("10.0.0.1", 2))), False),
        (Found(Lookup(8), OTHER, OTHER), False),
    ],
)
def test_a_request_about_the_same_record_or_address_is_touched(found: Found, touched: bool) -> None:
    group = CommitGroup()
    assert not group.touches(found)
    group.add(Changes(NEW, OLD, GONE), True, ignore)
    assert group.touches(found) == touched


def ignore(why: Failure | None) -> None:
    pass


def test_it_counts_the_new_records_of_each_host_and_of_all() -> None:
    group = CommitGroup()
    group.add(Changes(NEW), True, ignore)
    group.add(Changes(OTHER), False, ignore)
    group.add(Changes(PeerRecord("10.0.0.1", 4, 9), None, GONE), True, ignore)
    counted = [group.new(None if host is None else group_of(host)) for host in (None, NEW.host, GONE.host, OTHER.host)]
    assert counted == [1, 2, -1, 0]


@pytest.mark.parametrize("why", [None, Failure(OSError())])
def test_all_who_wait_are_told(why: Failure | None) -> None:
    group, results = CommitGroup(), list[object]()
    group.add(Changes(NEW), True, results.append)
    group.add(Changes(OTHER), False, results.append)
    group.over().addBoth(results.append)
    assert results == []
    group.end(why)
    assert results == [why, why, None]


def test_one_that_fails_when_it_is_told_does_not_keep_it_from_the_others() -> None:
    group, results = CommitGroup(), list[object]()

    def fail(why: Failure | None) -> None:
        raise ZeroDivisionError

    group.add(Changes(NEW), True, fail)
    group.add(Changes(OTHER), False, results.append)
    with captured_log() as events:
        group.end(None)
    assert results == [None]
    [event] = list(events)
    assert event["log_failure"].check(ZeroDivisionError)
