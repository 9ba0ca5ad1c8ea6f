"""How long an address that could not be reached is left alone."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from p2p_twisted.net.backoff import LAST_BACKOFF, MEMORY, Backoff
from p2p_twisted.net.errors import Unreachable

THERE = ("10.0.0.2", 4002)


def waits(backoff: Backoff, clock: Clock) -> int:
    """Return the seconds until the address may be dialled."""
    for seconds in range(1000):
        try:
            backoff.check(THERE)
        except Unreachable:
            clock.advance(1)
        else:
            return seconds
    raise AssertionError("never")


def test_longer_with_each_failure_up_to_a_limit() -> None:
    clock = Clock()
    backoff = Backoff(clock.seconds)
    waited = []
    for _ in range(8):
        backoff.failed(THERE, Unreachable("no"))
        waited.append(waits(backoff, clock))
    assert waited == [1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff.failures(THERE) == 8
    assert max(waited) == LAST_BACKOFF


def test_the_last_reason_is_given() -> None:
    backoff = Backoff(Clock().seconds)
    backoff.failed(THERE, Unreachable("one"))
    backoff.failed(THERE, Unreachable("two"))
    with pytest.raises(Unreachable, match="two"):
        backoff.check(THERE)
    backoff.check(("10.0.0.2", 4003))


def test_an_answer_ends_it() -> None:
    clock = Clock()
    backoff = Backoff(clock.seconds)
    backoff.failed(THERE, Unreachable("no"))
    backoff.answered(THERE)
    assert (waits(backoff, clock), backoff.failures(THERE)) == (0, 0)


def test_failures_of_long_ago_are_forgotten() -> None:
    clock = Clock()
    backoff = Backoff(clock.seconds)
    for _ in range(5):
        backoff.failed(THERE, Unreachable("no"))
    clock.advance(MEMORY)
    assert backoff.failures(THERE) == 0
    backoff.failed(THERE, Unreachable("no"))
    assert waits(backoff, clock) == 1
