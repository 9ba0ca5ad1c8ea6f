"""The parameters of an experiment, and the checks that need nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .faults import SOURCE, Faults
from .links import Links


@dataclass(frozen=True)
class Design:
    """The parameters of an experiment."""

    cases: Sequence[tuple[str, int]]
    """Tasks, each with a number of peers."""
    links: Links
    size: int
    """Bytes of the document in tasks that have only one."""
    corpus: Path | None = None
    """The folder of the documents; None for generated ones."""
    files: int = 60
    """The number of documents."""
    fetch: int | None = None
    """The number of documents that each peer fetches; None for the default of the task."""
    repeat: int = 1
    """The number of runs of each case."""
    random_seed: int = 0
    swarm: bool = False
    """Whether peers swarm in Task 1 and Task 2 too."""
    place: str = "loopback"
    """Where the peers run, a key of ``run.places.PLACES``."""
    faults: Faults = field(default_factory=Faults)
    cpu_check: bool = False
    """Whether a run in which the processors were busy is refused."""
    pcap: bool = False
    """Whether the cable of each host is captured; needs the place ``netns``."""
    trace: bool = False
    """Whether every message is written down."""
    arrive: float = 0.0
    """Seconds from the arrival of one downloader to that of the next; 0 if all start together."""

    @property
    def all_links(self) -> Links:
        """The links, including those of slow peers."""
        return replace(self.links, slow=self.faults.slow)

    def honest(self, peers: int) -> list[str]:
        """Return the roles of the peers that are not corrupt.

        Raises ValueError if a fault or a link names a peer that does not exist, or if fewer than two are honest.
        """
        roles = [f"peer{number}" for number in range(1, peers + 1)]
        unknown = (self.faults.roles | self.links.roles) - set(roles)
        if unknown:
            raise ValueError(f"there is no {min(unknown)} among {peers} peers")
        if SOURCE in self.faults.corrupt:
            raise ValueError(f"{SOURCE} is the source and cannot be corrupt")
        honest = [role for role in roles if role not in self.faults.corrupt]
        if len(honest) < 2:
            raise ValueError("at least two peers must be honest")
        return honest
