"""What a group of changes touches, and who is told of it."""

from __future__ import annotations

import pytest
from twisted.python.failure import Failure

from p2p_twisted.registry.commit_group import CommitGroup
from p2p_twisted.registry.record import PeerRecord
from p2p_twisted.registry.room import group_of
from p2p_twisted.registry.rules import Changes, Found, Lookup

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
    group.add(Changes(NEW, OLD, GONE), is_new=True)
    assert group.touches(found) == touched


def test_it_counts_the_new_records_of_each_host_and_of_all() -> None:
    group = CommitGroup()
    group.add(Changes(NEW), is_new=True)
    group.add(Changes(OTHER), is_new=False)
    group.add(Changes(PeerRecord("10.0.0.1", 4, 9), None, GONE), is_new=True)
    counted = [group.new(None if host is None else group_of(host)) for host in (None, NEW.host, GONE.host, OTHER.host)]
    assert counted == [1, 2, -1, 0]


@pytest.mark.parametrize("is_made", [True, False])
def test_all_who_wait_are_told(is_made: bool) -> None:
    group, results = CommitGroup(), list[object]()
    for waiting in group.add(Changes(NEW), True), group.add(Changes(OTHER), False), group.over():
        waiting.addBoth(results.append)
    assert results == []
    if is_made:
        group.made()
    else:
        group.failed(Failure(OSError()))
    assert [isinstance(result, Failure) for result in results] == [not is_made, not is_made, False]
