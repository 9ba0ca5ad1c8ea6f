"""How late a timer is called."""

from __future__ import annotations

from twisted.internet.task import Clock

from p2p_twisted.net.reactor_delay import INTERVAL, ReactorDelay


def measured(delay: ReactorDelay) -> dict[str, float]:
    return {name: number for name, number in delay.durations.numbers("x").items() if number}


def test_what_keeps_the_reactor_shows() -> None:
    clock = Clock()
    delay = ReactorDelay(clock, clock.seconds)
    delay.startService()
    clock.pump([INTERVAL] * 3)
    assert measured(delay) == {"x 0.0005": 3}
    clock.advance(INTERVAL + 0.75)
    assert measured(delay) == {"x 0.0005": 3, "x 1": 1, "x sum": 0.75}


def test_a_clock_that_is_set_back_is_no_delay() -> None:
    clock, now = Clock(), 100.0
    delay = ReactorDelay(clock, lambda: now)
    delay.startService()
    now = 50.0
    clock.advance(INTERVAL)
    assert measured(delay) == {"x 0.0005": 1}


def test_it_stops() -> None:
    clock = Clock()
    delay = ReactorDelay(clock, clock.seconds)
    delay.startService()
    delay.stopService()
    assert not clock.getDelayedCalls()
