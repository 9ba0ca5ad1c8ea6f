"""The numbers that are drawn."""

import statistics
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.experiment.report import curves
from p2p_twisted.experiment.report.curves import Curve
from p2p_twisted.experiment.results import Arrival, Sample, Transfer
from tests.support.made_results import MIB, cut_off, run_of

times = st.floats(0.01, 1e4)


def test_a_curve_starts_when_the_peer_was_told_to_start() -> None:
    run = run_of("task2-worst", 30.0, begins=12.0)
    assert curves.of_peer(run, "peer1").seconds[0] == 0.0
    late = curves.of_peer(run, "peer3")
    assert late.amounts == [0.0, *range(1, 10)]
    assert (late.seconds[0], late.seconds[1], late.seconds[-1]) == (12.0, 14.0, 30.0)


@given(st.lists(times, min_size=1, max_size=9), st.randoms())
def test_a_curve_rises_in_any_order_of_arrivals(seconds: list[float], random: Random) -> None:
    arrivals = [Arrival("peer2", f"rfc{place}.txt", 1, at) for place, at in enumerate(seconds)]
    random.shuffle(arrivals)
    curve = curves.of_peer(replace(run_of("task1", 1.0), arrivals=arrivals), "peer2")
    assert curve.amounts == [0.0, *range(1, len(seconds) + 1)]
    assert curve.seconds[1:] == sorted(seconds)


def test_a_curve_of_one_document_is_in_mb_and_ends_when_it_is_in_place() -> None:
    run = run_of("swarm", 8.0)
    assert curves.in_bytes(run)
    assert not curves.in_bytes(run_of("task1", 8.0))
    late = [Sample("peer2", 9.0, 4 * MIB), Sample("peer2", 7.9, 4 * MIB)]
    curve = curves.of_peer(replace(run, samples=[*run.samples, *late]), "peer2")
    assert (curve.amounts[-1], curve.seconds[-1]) == (4 * MIB / 1e6, 8.0)
    assert sorted(curve.amounts) == curve.amounts
    assert len(curve.amounts) == len(set(curve.seconds)) + 1  # the start is there twice: as told, and as seen


def test_the_course_of_a_document_that_never_came_whole() -> None:
    run = cut_off(run_of("swarm", 8.0), 4.1)
    curve = curves.of_peer(run, "peer4")
    assert [curve.amounts[-1], curve.seconds[-1]] == pytest.approx([2 * MIB / 1e6, 4.0])
    assert curves.of_peer(replace(run, samples=[], began={}), "peer4") == Curve([0.0], [0.0])


def test_the_last_peer_decides_and_only_as_far_as_all_came() -> None:
    run = run_of("task1", 9.0)
    slow = [replace(arrival, at=2 * arrival.at) if arrival.peer == "peer3" else arrival for arrival in run.arrivals]
    last = curves.of_last(replace(run, arrivals=slow))
    assert last.seconds == [0.0, *(2.0 * place for place in range(1, 10))]
    some = [arrival for arrival in slow if arrival.peer != "peer4" or arrival.at < 4.5]
    assert curves.of_last(replace(run, arrivals=some)) == Curve(last.amounts[:5], last.seconds[:5])


@pytest.mark.parametrize(
    ("values", "width"),
    [
        ([3.0], 0.0),
        ([1.0, 3.0], 12.71 * 2**0.5 / 2**0.5),
        ([1.0, 2.0, 3.0], 4.30 / 3**0.5),
        ([2.0] * 7, 0.0),
    ],
)
def test_confidence(values: list[float], width: float) -> None:
    assert curves.confidence(values) == pytest.approx(width)


@pytest.mark.parametrize(("freedom", "t"), [(9, 2.262), (10, 2.228), (20, 2.086), (60, 2.000), (1000, 1.962)])
def test_students_t_is_that_of_the_tables(freedom: int, t: float) -> None:
    values = [0.0, 1.0] * ((freedom + 1) // 2) + [0.5] * ((freedom + 1) % 2)
    width = curves.confidence(values) * len(values) ** 0.5 / statistics.stdev(values)
    assert width == pytest.approx(t, rel=0.01)


@given(st.lists(st.lists(times, min_size=3, max_size=3), min_size=1, max_size=12))
def test_a_band_is_around_the_mean_and_never_before_the_start(columns: list[list[float]]) -> None:
    band = curves.over_repeats([Curve([0, 1, 2], seconds) for seconds in columns])
    assert len(band.amounts) == 3
    for low, mean, high, values in zip(band.low, band.mean, band.high, zip(*columns, strict=True), strict=True):
        assert 0 <= low <= mean * 1.000001
        assert mean <= high * 1.000001
        assert mean == pytest.approx(statistics.fmean(values))
        if len(values) == 1:
            assert low == mean == high


def test_a_band_ends_where_the_shortest_curve_does() -> None:
    band = curves.over_repeats([Curve([0, 1, 2], [0.0, 1.0, 2.0]), Curve([0, 1], [0.0, 3.0])])
    assert (band.amounts, band.mean) == ([0, 1], [0.0, 2.0])


def test_the_typical_run_is_the_median_of_those_that_were_completed() -> None:
    runs = [run_of("task1", seconds) for seconds in (5.0, 9.0, 7.0, 8.0)]
    assert curves.typical(runs).seconds == 7.0
    interrupted = cut_off(run_of("task1", 50.0), 1.0)
    assert curves.typical([*runs[:1], interrupted]).seconds == 5.0
    assert curves.typical([interrupted]) is interrupted


def test_an_incomplete_run_is_not_the_typical_one() -> None:
    lacking = replace(run_of("swarm", 0.0), arrivals=[], verified=1)
    whole = run_of("swarm", 8.0)
    assert curves.typical([lacking, whole, lacking]) is whole
    assert curves.typical([lacking]) is lacking


def test_curves_that_differ_by_less_than_their_lines_are_wide_lie_on_one_another() -> None:
    run = run_of("task1", 9.0, peers=5)
    moved = {"peer3": 0.1, "peer4": 1.0}
    arrivals = [replace(arrival, at=arrival.at + moved.get(arrival.peer, 0.0)) for arrival in run.arrivals]
    assert curves.coinciding(replace(run, arrivals=arrivals)) == [["peer2", "peer3", "peer5"]]
    short = [arrival for arrival in arrivals if arrival.peer != "peer5" or arrival.at < 5]
    assert curves.coinciding(replace(run, arrivals=short)) == [["peer2", "peer3"]]


def test_curves_in_bytes_are_compared_between_their_points_too() -> None:
    run = run_of("swarm", 8.0)
    few = [sample for place, sample in enumerate(run.samples) if sample.peer != "peer2" or place % 3]
    assert curves.coinciding(replace(run, samples=few)) == [["peer2", "peer3", "peer4"]]


def test_bytes_sent_from_each_peer_to_each() -> None:
    run = run_of("task1", 5.0, shares={"peer1": 0.75, "peer10": 0.25}, corrupt=["peer10"])
    twice = Transfer("peer2", "rfc1.txt", "peer1", 1, 0.0, 1.0)
    matrix = curves.who_to_whom(replace(run, transfers=[*run.transfers, twice]))
    assert matrix.senders == ["peer1", "peer2", "peer3", "peer4", "peer10"]
    assert matrix.receivers == ["peer2", "peer3", "peer4"]
    assert sum(map(sum, matrix.cells)) == pytest.approx(sum(arrival.bytes for arrival in run.arrivals) + 1, abs=30)
    assert matrix.cells[1:4] == [[0, 0, 0]] * 3
    assert matrix.cells[0] == pytest.approx([3 * garbage for garbage in matrix.cells[4]], rel=1e-3)
