"""The status of several workers together; pure."""

from __future__ import annotations

from p2p_twisted.rs.summed import SummedStatus
from p2p_twisted.web.api.rs_schema import RsStatus


def of_worker(problem: str | None = None, **counts: float) -> RsStatus:
    return RsStatus("rs", "1", 5, 60, active=3, records=7, connections=2, waiting=1, counts=counts, problem=problem)


def test_what_is_shared_counts_once_and_what_is_not_adds_up() -> None:
    summed = SummedStatus()
    summed.put(1, of_worker(commits=2.0, delays=1))
    summed.put(2, of_worker(commits=3.0))
    counts = {"commits": 5.0, "delays": 1.0}
    together = RsStatus("rs", "9", 100, 7200, active=3, records=7, connections=4, waiting=2, counts=counts, workers=2)
    assert summed.status("9", 100, 7200) == together


def test_no_count_falls_when_a_worker_ends() -> None:
    summed = SummedStatus()
    summed.put(1, of_worker(commits=2))
    summed.put(2, of_worker(commits=3))
    summed.ended(1)
    summed.ended(1)
    assert summed.status("9", 1, 1).counts == {"commits": 5}
    assert summed.status("9", 1, 1).workers == 1
    summed.put(1, of_worker(commits=1))
    assert summed.status("9", 1, 1).counts == {"commits": 6}


def test_one_worker_that_can_register_is_enough() -> None:
    summed = SummedStatus()
    assert summed.problem() == "no worker is running"
    summed.put(1, of_worker("the disk is full"))
    assert summed.problem() == "the disk is full"
    summed.put(2, of_worker())
    assert summed.problem() is None
    summed.ended(2)
    assert summed.status("9", 1, 1).problem == "the disk is full"


def test_without_workers_there_is_a_status_too() -> None:
    assert SummedStatus().status("9", 1, 60) == RsStatus(
        "rs", "9", 1, 60, 0, 0, 0, 0, counts={}, workers=0, problem="no worker is running"
    )
