"""What is kept of a swarm that is over, because it is shown: numbers, files and sources, and not what it ran with."""

from __future__ import annotations

from dataclasses import dataclass

from ..net.errors import forget_frames
from .sites import SiteBytes
from .source import Source
from .storage import Storage
from .swarm import Swarm


@dataclass(frozen=True)
class EndedSwarm:
    """A swarm that is over; see Swarm."""

    received: int
    duplicate: int
    by_site: SiteBytes | None
    files: dict[str, Storage]
    sources: list[Source]


def ended(swarm: Swarm | EndedSwarm) -> EndedSwarm:
    """Return what is kept of `swarm`, in which nothing runs any more."""
    for source in swarm.sources:
        forget_frames(source.why)
    return EndedSwarm(swarm.received, swarm.duplicate, swarm.by_site, swarm.files, list(swarm.sources))
