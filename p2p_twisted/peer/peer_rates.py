"""How many bytes a second go to each host and come from each peer at present."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from ..wire.address import Address
from .download_view import sources
from .downloads.model import Download

MIN_INTERVAL, MAX_INTERVAL = 1.0, 10.0
"""Seconds between two looks that a rate is taken of; what was sent long before is no present rate."""


class UpRates:
    """Rates to hosts, from what `sent` says at two looks: the bytes sent to each host so far."""

    def __init__(self, sent: Callable[[], Mapping[str, int]], now: Callable[[], float]) -> None:
        """`now` gives monotonic seconds."""
        self._sent = sent
        self._now = now
        self._at = float("-inf")
        self._before: Mapping[str, int] = {}
        self._rates: dict[str, float] = {}

    def rates(self) -> Mapping[str, float]:
        """Return host -> bytes/s since the last look; 0 for all others."""
        seconds = self._now() - self._at
        if seconds >= MIN_INTERVAL:
            sent, before = self._sent(), self._before
            self._rates = {}
            if seconds <= MAX_INTERVAL:
                grown = {host: size - before.get(host, 0) for host, size in sent.items()}
                self._rates = {host: size / seconds for host, size in grown.items() if size > 0}
            self._at, self._before = self._now(), sent
        return self._rates


def down_rates(downloads: Iterable[Download], now: float) -> Counter[Address]:
    """Return peer -> bytes/s that come from it in all `downloads`; `now` is the reactor's time in seconds."""
    rates: Counter[Address] = Counter()
    for download in downloads:
        if not download.has_ended:
            for source in sources(download):
                rates[source.address] += round(source.meter.rate(now))
    return rates
