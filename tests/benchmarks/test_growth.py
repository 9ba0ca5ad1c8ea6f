"""Tests for benchmarks.soak.growth."""

from __future__ import annotations

import random

import pytest

from benchmarks.soak.growth import error, grows, ratio, slope, warm


def test_a_leak_is_found_in_noise() -> None:
    noise = random.Random(1)
    assert grows([(minute, 80 + 0.4 * minute + noise.gauss(0, 5)) for minute in range(10, 61)])


def test_noise_alone_is_no_leak() -> None:
    noise = random.Random(2)
    flat = [(minute, 80 + noise.gauss(0, 5)) for minute in range(10, 61)]
    assert not grows(flat)
    assert abs(slope(flat)) < 3 * error(flat)


def test_one_late_step_is_growth() -> None:
    assert grows([(minute, 80.0 if minute < 55 else 100.0) for minute in range(10, 61)])


def test_figures() -> None:
    line = [(float(minute), 2.0 * minute) for minute in range(1, 61)]
    assert slope(line) == pytest.approx(20)
    assert error(line) == pytest.approx(0, abs=1e-9)
    assert ratio(line) == pytest.approx(115 / 7)


def test_the_warm_up_does_not_count() -> None:
    assert warm([(float(minute), 0.0) for minute in range(1, 61)])[0] == (10, 0)
    assert warm([(minute / 2, 0.0) for minute in range(1, 13)])[0] == (1, 0)
    assert warm([]) == []
