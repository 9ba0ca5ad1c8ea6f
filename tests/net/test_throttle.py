"""Rate limits: the bucket, and the turns of several connections."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from p2p_twisted.config.rates import MIN_RATE
from p2p_twisted.net.throttle import MIN_GRANT, Throttle, TokenBucket

RATE = 2.5e6


def sending(throttle: Throttle, clock: Clock, sent: Counter[object], name: object) -> None:
    """Send as much as may pass, without end; `sent[name]` counts the bytes."""

    def go() -> None:
        size = throttle.request(2**20, go)
        if size:
            sent[name] += size
            clock.callLater(0, go)

    go()


@pytest.mark.parametrize("connections", [1, 2, 7])
def test_the_rate_over_ten_seconds_is_exact_to_1_percent_and_shared_evenly(connections: int) -> None:
    clock, sent = Clock(), Counter[object]()
    throttle = Throttle(clock, clock.seconds, RATE)
    for name in range(connections):
        sending(throttle, clock, sent, name)
    clock.pump([0.001] * 10_000)
    assert sum(sent.values()) == pytest.approx(10 * RATE, rel=0.01)
    assert min(sent.values()) > 0.95 * max(sent.values())


def test_a_rate_changed_while_some_wait_counts_at_once() -> None:
    clock, sent = Clock(), Counter[object]()
    throttle = Throttle(clock, clock.seconds, 2000.0)
    sending(throttle, clock, sent, "a")
    clock.pump([0.01] * 100)
    before = sent["a"]
    throttle.set_rate(RATE)
    clock.pump([0.001] * 2000)
    assert sent["a"] - before == pytest.approx(2 * RATE, rel=0.05)


def test_bytes_read_without_a_grant_are_made_up_for_by_waiting() -> None:
    clock = Clock()
    throttle, read = Throttle(clock, clock.seconds, RATE), [0]

    def go() -> None:
        read[0] += 65536
        if throttle.passed(65536):
            throttle.wait(go)
        else:
            clock.callLater(0, go)

    go()
    clock.pump([0.001] * 10_000)
    assert read[0] == pytest.approx(10 * RATE, rel=0.01)


def test_an_unused_grant_is_given_back() -> None:
    clock = Clock()
    throttle = Throttle(clock, clock.seconds, RATE)
    clock.advance(1)
    size = throttle.request(MIN_GRANT, lambda: None)
    throttle.give_back(size)
    assert throttle.request(MIN_GRANT, lambda: None) == size


def test_without_a_limit_all_passes() -> None:
    clock = Clock()
    throttle = Throttle(clock, clock.seconds)
    assert throttle.request(10**9, lambda: None) == 10**9
    assert not throttle.passed(10**9)


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 10**6)), max_size=30), st.floats(MIN_RATE, 1e9))
def test_no_more_passes_than_the_rate_and_one_burst_allow(steps: list[tuple[float, int]], rate: float) -> None:
    bucket, now, passed = TokenBucket(rate, 0.0), 0.0, 0
    for seconds, size in steps:
        now += seconds
        may = min(size, bucket.available(now))
        bucket.take(may, now)
        passed += may
    assert passed <= bucket.burst + rate * now + 1
