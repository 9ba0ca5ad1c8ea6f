"""What an experiment is to be, checked, and what its report says of it. Pure but for a look at the machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ..phrases import shown_rate
from ..run import machine
from .faults import SOURCE, Faults
from .links import Links

HOW = {
    "loopback": "on one machine, kept by each peer's own limits: bytes of documents, nothing else counted",
    "netns": "network namespaces on one bridge, shaped by tc tbf: all bytes of Ethernet frames",
}
"""How links are had, by ``Design.place``."""


@dataclass(frozen=True)
class Design:
    """The parameters of an experiment.

    ``cases``: tasks and their numbers of peers. ``corpus``: a folder, or None for generated documents; ``files`` of
    them, of which each peer fetches ``fetch`` (None: the default of the task). ``size``: bytes of a swarm's document.
    ``place``: where the peers run, a key of ``places.PLACES``. ``cpu_check``: refuse runs with busy processors.
    """

    cases: Sequence[tuple[str, int]]
    links: Links
    size: int
    corpus: Path | None = None
    files: int = 60
    fetch: int | None = None
    repeat: int = 1
    random_seed: int = 0
    swarm: bool = False
    place: str = "loopback"
    faults: Faults = field(default_factory=Faults)
    cpu_check: bool = False

    @property
    def all_links(self) -> Links:
        """The links, those of slow peers included."""
        return replace(self.links, slow=self.faults.slow)

    def honest(self, peers: int) -> list[str]:
        """Return the roles of the peers that are not corrupt.

        Raises ValueError if a fault names a peer that does not exist, or leaves fewer than two honest peers.
        """
        roles = [f"peer{number}" for number in range(1, peers + 1)]
        unknown = self.faults.roles - set(roles)
        if unknown:
            raise ValueError(f"there is no {min(unknown)} among {peers} peers")
        if SOURCE in self.faults.corrupt:
            raise ValueError(f"{SOURCE} is the source and cannot be corrupt")
        honest = [role for role in roles if role not in self.faults.corrupt]
        if len(honest) < 2:
            raise ValueError("two peers at least must be honest")
        return honest


def describe(design: Design, sizes: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """The setting, for people: what was run, on what, with what; ``sizes`` are bytes by task and name."""
    links = design.links
    described = {
        "command": " ".join(["p2p", *sys.argv[1:]]),
        "begun": datetime.now().astimezone().isoformat(" ", "seconds"),
        "peers": ", ".join(str(count) for count in dict.fromkeys(count for _, count in design.cases)),
        **_all_documents(sizes),
        "links": f"{shown_rate(links.up)} up, {shown_rate(links.down)} down, {HOW[design.place]}",
        "swarming": "on in all tasks" if design.swarm else "off but in the tasks that are named for it",
        "faults": _faults(design.faults),
        "repeats": str(design.repeat),
        "seed": str(design.random_seed),
        "load before (1 min)": f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown",
    }
    return described | machine.describe()


def _all_documents(sizes: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """The documents of each task, or of all in one line when they are the same."""
    said = {f"documents of {task}": _documents(documents) for task, documents in sizes.items()}
    same = len(sizes) > 1 and all(documents == next(iter(sizes.values())) for documents in sizes.values())
    return {"documents": next(iter(said.values()))} if same else said


def _documents(sizes: Mapping[str, int]) -> str:
    total = f"{sum(sizes.values()):,} bytes"
    return total if len(sizes) == 1 else f"{len(sizes)}, {total} together, {min(sizes)} to {max(sizes)}"


def _faults(faults: Faults) -> str:
    said = [
        *(f"{kill.role} killed at {_when(kill.share, kill.seconds)}" for kill in faults.kills),
        *(f"{role} at {shown_rate(rate)}" for role, rate in faults.slow.items()),
        *(f"{role} sends garbage" for role in faults.corrupt),
        *([f"a peer killed and started again every {faults.churn:g} s"] if faults.churn else []),
    ]
    return "; ".join(said) or "none"


def _when(share: float | None, seconds: float | None) -> str:
    return f"{seconds:g} s" if share is None else f"{share:.0%} of all bytes"
