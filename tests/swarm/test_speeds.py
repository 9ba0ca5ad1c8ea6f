"""The speeds of sources: near ones are told from far ones, and equal ones are left alone."""

from __future__ import annotations

from random import Random

import pytest

from p2p_twisted.swarm.speeds import MAX_RATE, Speeds
from p2p_twisted.wire.address import Address

PIECE = 64 * 1024
NEAR: list[Address] = [("10.1.2.1", 65400), ("10.1.2.2", 65400)]
FAR: list[Address] = [("10.1.3.1", 65400), ("10.1.3.2", 65400)]


def measured(rates: dict[Address, float], answers: int = 8, noise: float = 0.0) -> Speeds:
    """Return the speeds after so many answers of each source, at its rate in bytes/s, give or take `noise` seconds."""
    speeds, random = Speeds(), Random(1)
    for _ in range(answers):
        for source, rate in rates.items():
            speeds.add(source, PIECE, max(0.0, PIECE / rate + random.uniform(-noise, noise)))
    return speeds


def test_a_thin_link_makes_sources_slow() -> None:
    speeds = measured({NEAR[0]: 12e6, NEAR[1]: 11e6, FAR[0]: 1e6, FAR[1]: 0.3e6})
    assert [speeds.is_slow(source) for source in (*NEAR, *FAR)] == [False, False, True, True]
    assert speeds.are_faster(NEAR)
    assert not speeds.are_faster(FAR)


def test_nobody_is_slow_among_equals() -> None:
    speeds = measured(dict.fromkeys((*NEAR, *FAR), 2.5e6), noise=0.01)
    assert not any(speeds.is_slow(source) for source in (*NEAR, *FAR))
    assert not speeds.are_faster(NEAR)


def test_a_few_answers_tell_nothing() -> None:
    speeds = measured({NEAR[0]: 12e6, FAR[0]: 0.1e6}, answers=2)
    assert not speeds.is_slow(FAR[0])
    assert speeds.are_faster(NEAR)


def test_what_is_there_at_once_counts_as_the_highest_rate() -> None:
    speeds = measured({NEAR[0]: 1e12, FAR[0]: MAX_RATE / 3.9})
    assert not speeds.is_slow(FAR[0])


def test_short_answers_do_not_count() -> None:
    speeds = Speeds()
    for _ in range(20):
        speeds.add(NEAR[0], 1000, 0.0)
        speeds.add(FAR[0], 1000, 5.0)
    assert not speeds.is_slow(FAR[0])


@pytest.mark.parametrize("known", [[], NEAR, FAR])
def test_what_is_not_known_is_no_reason_against_ones_own_site(known: list[Address]) -> None:
    speeds = measured(dict.fromkeys(known, 1e6))
    assert speeds.are_faster(NEAR)
    assert speeds.are_all_of(NEAR) == (known != FAR)


def test_one_that_is_gone_is_forgotten() -> None:
    speeds = measured({NEAR[0]: 12e6, FAR[0]: 12e6})
    speeds.remove(FAR[0])
    assert speeds.are_faster(NEAR)
