"""Numbers as people read them. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

_STEPS = ("B", "kB", "MB", "GB", "TB")


def size(number: float | None) -> str:
    """Return a number of bytes with its unit (1 kB is 1000 bytes), and three digits; a dash for None."""
    if number is None:
        return "-"
    step = 0
    while number >= 999.5 and step < len(_STEPS) - 1:
        number /= 1000
        step += 1
    digits = 0 if step == 0 or number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:.{digits}f} {_STEPS[step]}"


def rate(number: float) -> str:
    """Return bytes/s with their unit."""
    return f"{size(number)}/s"


def duration(seconds: float | None) -> str:
    """Return a time span in its two largest units; a dash for None."""
    if seconds is None:
        return "-"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, length, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            rest = whole % length // part
            return f"{whole // length} {unit} {rest} {smaller}" if rest else f"{whole // length} {unit}"
    return f"{whole} s"


def count(number: int, noun: str) -> str:
    """Return a number of things: ``1 peer``, ``2 peers``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}".replace(",", "\N{THIN SPACE}")


def when(seconds: float) -> str:
    """Return a Unix time as date and time of day, UTC."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S}"


def setting(value: str | float | bool | list[str] | None) -> str:
    """Return the value of a setting."""
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
