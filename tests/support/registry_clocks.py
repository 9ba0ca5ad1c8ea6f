"""The two clocks of a registry, standing still until told otherwise."""

START = 1_700_000_000.0
"""Unix time at which tests begin: 2023-11-14 22:13:20 UTC."""


class Clocks:
    """`monotonic` and `wall` are what a registry takes; `pass_` lets both go on."""

    def __init__(self, monotonic: float = 1000.0, wall: float = START) -> None:
        self.now = monotonic
        self.time = wall

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.time

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.time += seconds
