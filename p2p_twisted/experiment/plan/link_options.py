"""The links of an experiment, read from the command line. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ...config.rates import RateError, parse_rate
from .faults import parse_peer
from .links import Links
from .uplink_spread import UplinkSpread

UP = "20Mbit"
"""The uplink of a peer unless given; DOWN likewise."""
DOWN = "100Mbit"

LinkRate = tuple["str | None", float]
"""A role, None for all peers, and a rate in bytes/s."""


def parse_link_rate(text: str) -> LinkRate:
    """Parse ``20Mbit``, the rate of all peers, or ``peer3=2Mbit``. Raises ValueError."""
    role, equals, rate = text.rpartition("=")
    try:
        speed = parse_rate(rate)
    except RateError as error:
        raise ValueError(f"{text!r}: the rate {error}") from None
    if speed is None:
        raise ValueError("an experiment needs links with a rate")
    return (parse_peer(role) if equals else None), speed


def links_of(
    ups: Sequence[LinkRate], downs: Sequence[LinkRate], spread: tuple[float, float] | None, random_seed: int
) -> Links:
    """Return the links that ``--up``, ``--down`` and ``--up-spread`` describe. Raises ValueError."""
    up, own_ups = _read("--up", ups)
    down, own_downs = _read("--down", downs)
    down = down or parse_link_rate(DOWN)[1]
    if spread is None:
        return Links(up or parse_link_rate(UP)[1], down, ups=own_ups, downs=own_downs)
    if up is not None:
        raise ValueError(
            "--up-spread and --up both give a rate to all peers; choose one (--up peer3=2Mbit goes with it)"
        )
    low, high = spread
    return Links(high, down, ups=own_ups, downs=own_downs, spread=UplinkSpread(low, high, random_seed))


def _read(option: str, rates: Sequence[LinkRate]) -> tuple[float | None, dict[str, float]]:
    """Return the rate for all peers, if it is given, and those of single peers. Raises ValueError."""
    common = [rate for role, rate in rates if role is None]
    if len(common) > 1:
        raise ValueError(f"{option} gives two rates to all peers; name a peer in one of them: {option} peer3=2Mbit")
    return (common[0] if common else None), {role: rate for role, rate in rates if role is not None}
