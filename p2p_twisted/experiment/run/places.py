"""Where the peers of an experiment run, on links of given rates: loopback with the peers' own limits, or namespaces."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..plan.links import Links
from .netns import CONGESTION_CONTROL, HostNetwork, why_not
from .processes import Launcher, Loopback

PORT = 4400
"""On which everyone in a laboratory listens."""


@dataclass(frozen=True)
class Place:
    """What starts the processes, the options that each role is to be started with, and what a report says of it."""

    launcher: Launcher
    options: Callable[[str], Sequence[str]]
    setting: Mapping[str, str] = field(default_factory=dict)


class NetnsLauncher:
    """The laboratory as the place where a cluster's processes run: ``peerN`` in host N, ``rs`` in the last host.

    All listen on the same ``port``. It is a ``processes.Launcher``.
    """

    def __init__(self, network: HostNetwork, port: int) -> None:
        self._network = network
        self._port = port

    def host(self, role: str) -> int:
        """The number of the host that has ``role``."""
        return self._network.hosts[-1] if role == "rs" else int(role.removeprefix("peer"))

    def address(self, role: str) -> str:
        """The IPv4 address of the host of ``role``."""
        return self._network.address(self.host(role))

    def port(self, role: str) -> int:
        """The port: each host has its own."""
        return self._port

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start ``argv`` in the host of ``role``; see HostNetwork.popen."""
        return self._network.popen(self.host(role), argv, **options)


@contextmanager
def on_loopback(links: Links, peers: int) -> Iterator[Place]:
    """This machine alone. Each peer limits itself, so the rates are of the documents' bytes, nothing else counted."""

    def options(role: str) -> Sequence[str]:
        limits = ("--up-rate", f"{links.up_of(role):.0f}", "--down-rate", f"{links.down_of(role):.0f}")
        return () if role == "rs" else limits

    yield Place(Loopback(), options)


@contextmanager
def in_namespaces(links: Links, peers: int) -> Iterator[Place]:
    """A host of its own for each of ``peers`` and for the RS, on links that the kernel shapes. Raises PlaceError."""
    with HostNetwork(peers + 1, _bits(links.up), _bits(links.down)) as network:
        hosts = NetnsLauncher(network, PORT)
        for role in links.slow:
            network.set_rate(hosts.host(role), _bits(links.up_of(role)), _bits(links.down_of(role)))
        yield Place(hosts, lambda role: (), {"TCP congestion control": _congestion_control(network)})


PLACES = {"loopback": on_loopback, "netns": in_namespaces}


def unavailable() -> dict[str, str | None]:
    """Return for each of PLACES one line that says why it cannot be had here, or None."""
    return {"loopback": None, "netns": why_not()}


def _congestion_control(network: HostNetwork) -> str:
    used = network.congestion_control
    lacking = f", the machine's own: its kernel has no {CONGESTION_CONTROL}"
    return used if used == CONGESTION_CONTROL else used + lacking


def _bits(rate: float) -> int:
    return round(rate * 8)
