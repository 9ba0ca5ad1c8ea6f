"""Wrong cookies: counted for each host, answered late, then cut off; pure."""

from __future__ import annotations

import pytest

from p2p_twisted.rs import guesses
from p2p_twisted.rs.guesses import (
    CUT_OFF_TIME,
    FREE_SHARE,
    MAX_DELAY,
    MAX_WAITING,
    WIDE_SHARE,
    Guesses,
    Step,
)

LIMIT = 600
FREE = LIMIT // FREE_SHARE
FORGIVEN = 10
FORGIVE_INTERVAL = 60 / FORGIVEN


def test_a_few_are_free_then_they_are_slowed_then_cut_off() -> None:
    found = Guesses(FORGIVEN)
    verdicts = []
    for _ in range(LIMIT + 5):
        verdicts.append(found.wrong("10.0.0.1", LIMIT, 0))
        found.answered("10.0.0.1")
    delays = [verdict.delay for verdict in verdicts]
    slowed = [delay for delay in delays[FREE : LIMIT - 1] if delay is not None]
    assert delays[:FREE] == [0] * FREE
    assert slowed == sorted(slowed) and slowed[0] > 0 and slowed[-1] == MAX_DELAY and len(slowed) < LIMIT
    assert delays[LIMIT - 1 :] == [None] * 6
    steps = {number: verdict.step for number, verdict in enumerate(verdicts, 1) if verdict.step}
    assert steps == {FREE + 1: Step.SLOWED, LIMIT: Step.CUT_OFF}
    assert found.is_cut_off("10.0.0.1", CUT_OFF_TIME - 1)
    assert not found.is_cut_off("10.0.0.2", CUT_OFF_TIME - 1)
    assert not found.is_cut_off("10.0.0.1", CUT_OFF_TIME)


def test_a_host_has_few_answers_waiting() -> None:
    found = Guesses(FORGIVEN)
    for _ in range(10**6 // FREE_SHARE + MAX_WAITING):
        assert found.wrong("10.0.0.1", 10**6, 0).delay is not None
    assert found.wrong("10.0.0.1", 10**6, 0).delay is None
    found.answered("10.0.0.1")
    assert found.wrong("10.0.0.1", 10**6, 0).delay == MAX_DELAY


def test_one_is_forgiven_now_and_then() -> None:
    found = Guesses(FORGIVEN)
    for number in range(10 * FREE):
        assert found.wrong("10.0.0.1", LIMIT, number * FORGIVE_INTERVAL).delay == 0


def test_a_host_that_guesses_on_is_cut_off_again_soon() -> None:
    found = Guesses(FORGIVEN)
    now, served = 0.0, 0
    while now < 100 * CUT_OFF_TIME:
        if found.is_cut_off("10.0.0.1", now):
            now += 1
            continue
        found.wrong("10.0.0.1", LIMIT, now)
        served += 1
    assert served <= LIMIT + now / FORGIVE_INTERVAL + 100


def test_cookies_that_nobody_guesses_count_little() -> None:
    found = Guesses(FORGIVEN)
    for _ in range(WIDE_SHARE * FREE):
        assert found.wrong("10.0.0.1", LIMIT, 0, is_wide=True).delay == 0
    steps = [found.wrong("10.0.0.1", LIMIT, 0, is_wide=True).step for _ in range(WIDE_SHARE * LIMIT)]
    assert [step for step in steps if step] == [Step.SLOWED, Step.CUT_OFF]


def test_ipv6_counts_by_network_and_a_mapped_address_as_ipv4() -> None:
    found = Guesses(FORGIVEN)
    for last in range(LIMIT):
        found.wrong(f"2001:db8::{last:x}", LIMIT, 0)
        found.wrong(f"::ffff:10.0.{last // 250}.{last % 250}", LIMIT, 0)
    assert found.is_cut_off("2001:db8::ffff", 1)
    assert not found.is_cut_off("::ffff:10.0.1.1", 1)


def test_memory_is_bounded_and_hosts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "MAX_HOSTS", 100)
    found = Guesses(FORGIVEN)
    for number in range(1000):
        found.wrong(f"10.0.{number // 250}.{number % 250}", LIMIT, 0)
    assert len(found) == 100
    found.wrong("10.1.0.0", LIMIT, CUT_OFF_TIME + FORGIVE_INTERVAL)
    assert len(found) == 1
    found.answered("10.0.0.0")
