"""Rate limits: the bucket, the turns of several connections, and rates as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from p2p_twisted.cli import output
from p2p_twisted.config.rates import MIN_RATE, RateError, parse_rate
from p2p_twisted.net.throttle import MIN_GRANT, Throttle, TokenBucket

RATE = 2.5e6


def sending(throttle, clock, sent, name):
    """A connection that sends as much as it may, for ever; `sent[name]` counts its bytes."""

    def go():
        size = throttle.request(2**20, go)
        if size:
            sent[name] = sent.get(name, 0) + size
            clock.callLater(0, go)

    go()


@pytest.mark.parametrize("connections", [1, 2, 7])
def test_over_ten_seconds_the_rate_is_kept_to_within_a_hundredth_and_shared_evenly(connections):
    clock, sent = Clock(), {}
    throttle = Throttle(clock, clock.seconds, RATE)
    for name in range(connections):
        sending(throttle, clock, sent, name)
    clock.pump([0.001] * 10_000)
    assert sum(sent.values()) == pytest.approx(10 * RATE, rel=0.01)
    assert min(sent.values()) > 0.95 * max(sent.values())


def test_a_rate_changed_while_some_wait_counts_at_once():
    clock, sent = Clock(), {}
    throttle = Throttle(clock, clock.seconds, 2000.0)
    sending(throttle, clock, sent, "a")
    clock.pump([0.01] * 100)
    before = sent.get("a", 0)
    throttle.set_rate(RATE)
    clock.pump([0.001] * 2000)
    assert sent["a"] - before == pytest.approx(2 * RATE, rel=0.05)


def test_what_is_read_unasked_is_paid_back_by_waiting():
    clock = Clock()
    throttle, read = Throttle(clock, clock.seconds, RATE), [0]

    def go():
        read[0] += 65536
        if throttle.passed(65536):
            throttle.wait(go)
        else:
            clock.callLater(0, go)

    go()
    clock.pump([0.001] * 10_000)
    assert read[0] == pytest.approx(10 * RATE, rel=0.01)


def test_what_did_not_pass_is_given_back():
    clock = Clock()
    throttle = Throttle(clock, clock.seconds, RATE)
    clock.advance(1)
    size = throttle.request(MIN_GRANT, lambda: None)
    throttle.give_back(size)
    assert throttle.request(MIN_GRANT, lambda: None) == size


def test_without_a_limit_all_passes():
    clock = Clock()
    throttle = Throttle(clock, clock.seconds)
    assert throttle.request(10**9, lambda: None) == 10**9
    assert not throttle.passed(10**9)


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 10**6)), max_size=30), st.floats(MIN_RATE, 1e9))
def test_no_more_passes_than_the_rate_and_one_burst_allow(steps, rate):
    bucket, now, passed = TokenBucket(rate, 0.0), 0.0, 0
    for seconds, size in steps:
        now += seconds
        may = min(size, bucket.available(now))
        bucket.take(may, now)
        passed += may
    assert passed <= bucket.burst + rate * now + 1


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("500K", 500_000),
        ("500 kB/s", 500_000),
        ("2M", 2e6),
        ("1.5GB", 1.5e9),
        ("2Mi", 2 * 2**20),
        ("1KiB", 1024),
        ("8Mibit", 2**20),
        ("1000 bytes/s", 1000),
        ("2MiB/s", 2 * 2**20),
        ("20Mbit", 2.5e6),
        ("1.5Mbit/s", 187_500),
        ("100 kbit", 12_500),
        ("65536", 65536),
        ("None", None),
        ("none", None),
    ],
)
def test_rates_as_text(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "5", "-5", "x", "20 Mbps", "1e6", "\u066500K", "1_0K", "5T", "5000i", "5Kb"])
def test_what_is_no_rate(text):
    with pytest.raises(RateError):
        parse_rate(text)


@pytest.mark.parametrize("text", ["0", "0M", "999", "7.9kbit"])
def test_too_little_is_no_way_to_say_no_limit(text):
    with pytest.raises(RateError, match="must be at least 1000 bytes a second, or none for no limit"):
        parse_rate(text)


@given(st.integers(MIN_RATE, 999 * 10**9))
def test_a_rate_that_is_shown_is_understood(rate):
    assert parse_rate(f"{output.size(rate)}/s") == pytest.approx(rate, rel=0.05)
