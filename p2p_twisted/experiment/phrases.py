"""Parts of sentences: counted nouns, lists, rates, sizes."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """Return ``1 piece``, ``2 pieces``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def shown_rate(rate: float) -> str:
    """Return ``rate``, in bytes/s, as text in Mbit/s."""
    return f"{round(rate * 8 / 1e6, 3):g} Mbit/s"


def shown_size(size: int) -> str:
    """Return ``size``, in bytes, as text in bytes, kB or MB (powers of 1000)."""
    for unit, name in ((10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"
