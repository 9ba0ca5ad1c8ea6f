"""What came of a simulated swarm, as one line of figures."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from benchmarks.simulation.swarm import Swarm


@dataclass(frozen=True)
class Report:
    """The figures of one run; a peer's are means over the downloaders, unless they are named as the most."""

    downloaders: int
    last: float
    """When the last had the whole file, in multiples of the bound."""
    middle: float
    first: float
    connections: int
    """The most that one downloader has had, to servers and from downloaders."""
    seed_connections: int
    turns: float
    """Turns that were not used, for each piece of a downloader."""
    protocol: float
    """Bytes of protocol a downloader has sent, as a share of the file."""
    duplicates: float
    """Pieces that came twice, as a share of all."""
    messages: float
    """Requests and answers for each piece of a downloader."""

    @classmethod
    def of(cls, swarm: Swarm) -> Report:
        """Return the figures of a swarm that is done."""
        peers, n, count = swarm.downloaders, len(swarm.downloaders), swarm.sizes.count
        ended = sorted((peer.downloader.ended or 0.0) / swarm.plan.bound for peer in peers)
        bytes_sent = sum(peer.downloader.asked_bytes + peer.server.told_bytes for peer in swarm.peers)
        return cls(
            downloaders=n,
            last=ended[-1],
            middle=median(ended),
            first=ended[0],
            connections=max(peer.max_connections for peer in peers),
            seed_connections=swarm.seed.max_connections,
            turns=sum(peer.downloader.useless for peer in peers) / n / count,
            protocol=bytes_sent / n / swarm.plan.size,
            duplicates=sum(peer.downloader.duplicates for peer in peers) / n / count,
            messages=sum(peer.downloader.messages + peer.server.messages for peer in swarm.peers) / n / count,
        )
