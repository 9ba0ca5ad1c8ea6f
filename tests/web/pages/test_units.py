"""Numbers as people read them."""

from __future__ import annotations

import pytest

from p2p_twisted.web.pages.units import count, duration, rate, setting, size, when


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9994, "9.99 kB"),
        (9996, "10.0 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes_have_three_digits(number: float | None, words: str) -> None:
    assert size(number) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((None, "-"), (0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s")),
        *((60, "1 min"), (61, "1 min 1 s"), (7384.2, "2 h 3 min"), (90000, "1 d 1 h")),
    ],
)
def test_durations_have_two_units(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_others() -> None:
    assert rate(1500) == "1.50 kB/s"
    assert (count(1, "peer"), count(0, "peer")) == ("1 peer", "0 peers")
    assert count(12345, "peer") == "12\N{THIN SPACE}345 peers"
    assert when(0) == "1970-01-01 00:00:00"
    values: list[tuple[str | float | bool | list[str] | None, str]] = [
        *((None, "none"), ([], "none"), (["a", "b"], "a, b")),
        *((True, "yes"), (2.5, "2.5"), ("sqlite", "sqlite")),
    ]
    assert [setting(value) for value, _ in values] == [words for _, words in values]
