"""The setting of an experiment, in words for the report: its parameters, the machine, the versions."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from ... import __version__
from ..phrases import shown_rate
from ..plan.design import Design
from ..plan.faults import Faults, Kill
from ..plan.links import Links
from .processors import PROC

PACKAGES = ("Twisted", "matplotlib")
LINKS = {
    "loopback": "on one machine, each peer limits its own rates: only the bytes of documents count",
    "netns": "network namespaces on one bridge, shaped by tc tbf: all bytes of Ethernet frames count",
}
"""How the links are made, by ``Design.place``."""


def describe(design: Design, sizes: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Return the setting of an experiment; ``sizes``: task -> name -> bytes."""
    links = design.links
    described = {
        "command": " ".join(["p2p", *sys.argv[1:]]),
        "begun": datetime.now().astimezone().isoformat(" ", "seconds"),
        "peers": ", ".join(str(count) for count in dict.fromkeys(count for _, count in design.cases)),
        **_documents_of_tasks(sizes),
        "links": f"{describe_rates(links)}, {LINKS[design.place]}",
        **({"arrivals": f"one downloader every {design.arrive:g} s"} if design.arrive else {}),
        **({"sites": f"{links.sites}, in a chain, {shown_rate(links.sites.between)} between"} if links.sites else {}),
        "swarming": "in all tasks" if design.swarm else "only in the tasks that are named for it",
        "faults": _describe_faults(design.faults),
        "repeats": str(design.repeat),
        "seed": str(design.random_seed),
        "load before (1 min)": f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown",
    }
    return described | describe_machine()


def describe_machine() -> dict[str, str]:
    """Return the machine, and the versions of the software."""
    described = {
        "p2p_twisted": __version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processors": f"{os.cpu_count()}, {_processor()}",
        "memory": _memory(),
    }
    return described | {name: _installed(name) for name in PACKAGES}


def _documents_of_tasks(sizes: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Describe the documents of each task, or of all tasks in one line if they are the same."""
    described = {f"documents of {task}": _documents(documents) for task, documents in sizes.items()}
    same = len(sizes) > 1 and all(documents == next(iter(sizes.values())) for documents in sizes.values())
    return {"documents": next(iter(described.values()))} if same else described


def _documents(sizes: Mapping[str, int]) -> str:
    total = f"{sum(sizes.values()):,} bytes"
    return total if len(sizes) == 1 else f"{len(sizes)}, {total} together, {min(sizes)} to {max(sizes)}"


def describe_rates(links: Links) -> str:
    """Return the rates of all peers, and of those that have others."""
    spread = links.spread
    up = (
        f"{shown_rate(links.up)} up"
        if spread is None
        else (f"{shown_rate(spread.low)} to {shown_rate(spread.high)} up, spread log-uniformly")
    )
    own = [
        *(f"{role} {shown_rate(rate)} up" for role, rate in links.ups.items()),
        *(f"{role} {shown_rate(rate)} down" for role, rate in links.downs.items()),
    ]
    return ", ".join([up, f"{shown_rate(links.down)} down", *own])


def _describe_faults(faults: Faults) -> str:
    described = [
        *(f"{kill.role} killed at {_moment(kill)}" for kill in faults.kills),
        *(f"{role} at {shown_rate(rate)}" for role, rate in faults.slow.items()),
        *(f"{role} sends garbage" for role in faults.corrupt),
        *([f"a peer killed and restarted every {faults.churn:g} s"] if faults.churn else []),
    ]
    return "; ".join(described) or "none"


def _moment(kill: Kill) -> str:
    return f"{kill.seconds:g} s" if kill.share is None else f"{kill.share:.0%} of all bytes"


def _processor() -> str:
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB"
    except (ValueError, OSError):
        return "unknown"


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
