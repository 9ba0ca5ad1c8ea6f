"""Rates as text: how a user writes them, and how they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.cli import output
from p2p_twisted.config.rates import MIN_RATE, RateError, parse_rate


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
def test_rates_as_text(text: str, rate: float | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "5", "-5", "x", "20 Mbps", "1e6", "\u066500K", "1_0K", "5T", "5000i", "5Kb"])
def test_invalid_rates_are_refused(text: str) -> None:
    with pytest.raises(RateError):
        parse_rate(text)


@pytest.mark.parametrize("text", ["0", "0M", "999", "7.9kbit"])
def test_a_rate_that_is_too_low_is_refused(text: str) -> None:
    with pytest.raises(RateError, match="must be at least 1000 bytes a second, or none for no limit"):
        parse_rate(text)


@given(st.integers(MIN_RATE, 999 * 10**9))
def test_a_rate_that_is_shown_is_understood(rate: int) -> None:
    assert parse_rate(f"{output.size(rate)}/s") == pytest.approx(rate, rel=0.05)
