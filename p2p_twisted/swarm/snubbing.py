"""Snubbing: what is outstanding at a source that sends nothing is asked of others; what still comes counts."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from ..events.publisher import Publisher
from ..events.types import SourceSnubbed
from .source import Source
from .source_pool import MAX_CONNECTED, SourcePool

SNUB_TIMEOUT = 4.0
"""Seconds without a byte after which the requests that are outstanding at a source are released."""


class Snubbing:
    """Looks for the `sources` that send nothing."""

    def __init__(self, clock: IReactorTime, sources: SourcePool, publisher: Publisher) -> None:
        self._clock = clock
        self._sources = sources
        self._publisher = publisher

    def snub_idle(self) -> list[Source]:
        """Snub the sources that have sent nothing for too long while requests are outstanding; return them."""
        snubbed = []
        for source in self._sources:
            source.idle += 1
            if source.outstanding and not source.snubbed and source.idle > SNUB_TIMEOUT:
                source.snubbed = source.unresponsive = True
                self._publisher.publish(SourceSnubbed(source.address))
                snubbed.append(source)
        return snubbed

    def snub_silent(self, seconds: float) -> list[Source]:
        """Snub the sources that were asked so many seconds ago and have never sent anything; return them.

        Only where there are more of them than places: honest sources with slow uplinks begin late, and to ask others
        for what those are about to send would double the time of the swarm.
        """
        if len(self._sources) <= MAX_CONNECTED:
            return []
        before = self._clock.seconds() - seconds
        asked = (source for source in self._sources if source.outstanding and not source.snubbed)
        silent = [source for source in asked if source.heard <= before and not source.meter.total]
        for source in silent:
            source.snubbed = source.unresponsive = True
            self._publisher.publish(SourceSnubbed(source.address))
        return silent
