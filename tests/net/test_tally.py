"""The count of events too many for a line each."""

from __future__ import annotations

from p2p_twisted.net.tally import Tally


def test_the_first_of_an_interval_have_lines_and_the_others_are_counted() -> None:
    tally = Tally(10, burst=2)
    assert [tally.add(f"{number}", 0) for number in range(5)] == [True, True, False, False, False]
    assert tally.report(0) == (3, "4")
    assert tally.report(0) is None
    assert [tally.add("x", 10) for _ in range(3)] == [True, True, False]
    assert tally.report(10) == (1, "x")


def test_a_report_comes_once_in_an_interval_and_loses_nothing() -> None:
    tally = Tally(10)
    assert tally.report(0) is None
    assert not tally.add("a", 0)
    assert tally.report(0) == (1, "a")
    assert not tally.add("b", 1)
    assert not tally.add("c", 2)
    assert tally.report(9) is None
    assert tally.report(10) == (2, "c")
    assert tally.report(30) is None
