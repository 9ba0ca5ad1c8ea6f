"""The summary of the runs of one case: their median, their extremes, and the runs whose times count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.experiment.summary import summarise, timed
from tests.support.made_results import cut_off, run_of


def test_a_summary() -> None:
    runs = [run_of("task1", seconds, repeat=repeat) for repeat, seconds in enumerate((9.0, 4.0, 5.0, 6.0), 1)]
    summary = summarise(runs)
    assert (summary.task, summary.peers, summary.runs) == ("task1", 4, 4)
    assert (summary.seconds, summary.low, summary.high) == (5.5, 4.0, 9.0)
    assert summary.ratio == pytest.approx(5.5 / runs[0].bound)
    assert (summary.verified, summary.expected) == (4 * 39, 4 * 39)


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=9))
def test_the_median_is_between_the_extremes(times: list[float]) -> None:
    summary = summarise([run_of("central", seconds) for seconds in times])
    assert summary.low <= summary.seconds <= summary.high
    assert summary.runs == len(times)


def test_interrupted_runs_do_not_count_unless_there_is_nothing_else() -> None:
    whole, part = run_of("task1", 6.0), cut_off(run_of("task1", 6.0, repeat=2), 3.0)
    assert summarise([whole, part]) == summarise([whole])
    alone = summarise([part])
    assert (alone.runs, alone.verified < alone.expected) == (1, True)


def test_the_time_of_a_run_that_failed_does_not_count_its_copies_do() -> None:
    whole = run_of("swarm", 6.0)
    lacking = run_of("swarm", 0.0, repeat=2, arrivals=[], verified=1)
    summary = summarise([lacking, whole])
    assert (summary.runs, summary.seconds, summary.low) == (1, 6.0, 6.0)
    assert (summary.verified, summary.expected) == (5, 8)
    assert timed([lacking]) == [lacking]
    assert timed([lacking, cut_off(whole, 1.0)]) == [lacking]
