"""Rates as people write them, in bytes or bits per second."""

from __future__ import annotations

import re

MIN_RATE = 1000
"""Bytes/s; below this rate every transfer would time out before it is complete."""

_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?(?:([kKMG])(i?))?(B|bytes|bit)?(?:/s)?", re.ASCII)


class RateError(ValueError):
    """A text is not a rate."""


def parse_rate(text: str) -> float | None:
    """Return the bytes/s that `text` means; None (no limit) for ``none``. Raises RateError.

    ``K``, ``M`` and ``G`` are powers of 1000, ``Ki``, ``Mi`` and ``Gi`` of 1024. ``500K``, ``1.5 MB/s``, ``2MiB`` and
    ``65536`` are bytes per second, ``20Mbit`` are bits per second.
    """
    if text.lower() == "none":
        return None
    match = _RATE.fullmatch(text.strip())
    if not match:
        raise RateError(
            "must be a rate such as 500K, 2M (bytes a second; 2Mi for powers of 1024) or 20Mbit (bits), or none"
        )
    number, prefix, binary, unit = match.groups()
    power = " KMG".index((prefix or " ").upper())
    value: float = float(number) * (1024.0 if binary else 1000.0) ** power / (8 if unit == "bit" else 1)
    if value < MIN_RATE:
        raise RateError(f"must be at least {MIN_RATE} bytes a second, or none for no limit")
    return value
