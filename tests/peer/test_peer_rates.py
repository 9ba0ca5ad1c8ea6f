"""Rates to hosts: of two looks that are neither too near nor too far apart."""

from __future__ import annotations

from twisted.internet.task import Clock

from p2p_twisted.peer.peer_rates import MAX_INTERVAL, UpRates


def test_rates_are_of_the_time_between_two_looks() -> None:
    clock, sent = Clock(), {"a": 1000, "b": 5}
    rates = UpRates(lambda: dict(sent), clock.seconds)
    assert rates.rates() == {}
    clock.advance(0.5)
    sent["a"] += 3000
    assert rates.rates() == {}
    clock.advance(1.5)
    assert rates.rates() == {"a": 1500.0}
    clock.advance(0.5)
    assert rates.rates() == {"a": 1500.0}
    clock.advance(1.5)
    sent["c"] = 40
    assert rates.rates() == {"c": 20.0}
    sent["c"] += 1_000_000
    clock.advance(MAX_INTERVAL + 1)
    assert rates.rates() == {}
