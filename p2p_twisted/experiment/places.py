"""Where the peers of an experiment run, on links of given rates: loopback with the peers' own limits, or namespaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from .links import Links
from .netns import LabHosts, NetLab
from .processes import Launcher, Loopback

PORT = 4400
"""On which everyone in a laboratory listens."""


@dataclass(frozen=True)
class Place:
    """What starts the processes, and the options that each role is to be started with."""

    launcher: Launcher
    options: Callable[[str], Sequence[str]]


@contextmanager
def loopback(links: Links, peers: int) -> Iterator[Place]:
    """This machine alone. Each peer limits itself, so the rates are of the documents' bytes, nothing else counted."""

    def options(role: str) -> Sequence[str]:
        limits = ("--up-rate", f"{links.up_of(role):.0f}", "--down-rate", f"{links.down_of(role):.0f}")
        return () if role == "rs" else limits

    yield Place(Loopback(), options)


@contextmanager
def laboratory(links: Links, peers: int) -> Iterator[Place]:
    """A host of its own for each of ``peers`` and for the RS, on links that the kernel shapes. Raises LabError."""
    with NetLab(peers + 1, _bits(links.up), _bits(links.down)) as lab:
        hosts = LabHosts(lab, PORT)
        for role in links.slow:
            lab.set_rate(hosts.host(role), _bits(links.up_of(role)), _bits(links.down_of(role)))
        yield Place(hosts, lambda role: ())


PLACES = {"loopback": loopback, "netns": laboratory}


def _bits(rate: float) -> int:
    return round(rate * 8)
