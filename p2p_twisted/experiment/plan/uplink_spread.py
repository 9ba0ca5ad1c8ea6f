"""Uplinks of different rates: spread between two rates, the same for the same random seed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ...config.rates import RateError, parse_rate

GOLDEN = (5**0.5 - 1) / 2
"""The step of the sequence whose parts of any length fill an interval most evenly."""


@dataclass(frozen=True)
class UplinkSpread:
    """Rates (bytes/s) between ``low`` and ``high``, spread log-uniformly: each factor has as many peers.

    The place of a peer between the two is the fractional part of its number times the golden ratio, from a start that
    depends on ``random_seed`` alone. So few peers are spread as evenly as many, and one that is added changes no other.
    """

    low: float
    high: float
    random_seed: int = 0

    def rate_of(self, role: str) -> float:
        """Return the rate of the uplink of ``peerN``."""
        place = (Random(f"{self.random_seed}/uplinks").random() + int(role.removeprefix("peer")) * GOLDEN) % 1.0
        return float(self.low * (self.high / self.low) ** place)


def parse_spread(text: str) -> tuple[float, float]:
    """Return the lowest and the highest rate, in bytes/s, of ``1Mbit..20Mbit``. Raises ValueError."""
    low, dots, high = text.partition("..")
    try:
        rates = parse_rate(low), parse_rate(high)
    except RateError:
        rates = None, None
    if not dots or rates[0] is None or rates[1] is None or rates[0] > rates[1]:
        raise ValueError(f"{text!r} is not a lower and a higher rate such as 1Mbit..20Mbit")
    return rates[0], rates[1]
