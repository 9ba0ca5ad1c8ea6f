"""Durations in buckets."""

from __future__ import annotations

import pytest

from p2p_twisted.events.durations import BOUNDS, Durations


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, "0.0005"), (0.0005, "0.0005"), (0.00051, "0.001"), (0.3, "0.5"), (5.0, "5"), (5.01, "inf"), (1e9, "inf")],
)
def test_each_is_in_the_bucket_of_the_next_bound(seconds: float, bucket: str) -> None:
    durations = Durations()
    durations.add(seconds)
    numbers = durations.numbers("x")
    assert {name: number for name, number in numbers.items() if number and name != "x sum"} == {f"x {bucket}": 1}
    assert numbers["x sum"] == seconds


def test_all_buckets_are_there_from_the_start() -> None:
    assert list(Durations().numbers("requests Leave")) == [
        *(f"requests Leave {bound:g}" for bound in BOUNDS),
        "requests Leave inf",
        "requests Leave sum",
    ]
