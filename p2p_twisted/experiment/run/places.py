"""The places where the peers of an experiment can run: loopback with the peers' own limits, or network namespaces."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..plan.links import Links
from .netns import CONGESTION_CONTROL, HostNetwork, reason_unavailable
from .processes import Launcher, Loopback
from .site_loopback import SiteLoopback
from .site_network import LinkTraffic, SiteNetwork

PORT = 4400
"""The port on which all processes in network namespaces listen."""


@dataclass(frozen=True)
class Place:
    """A place with links of the given rates."""

    launcher: Launcher
    options: Callable[[str], Sequence[str]]
    """Role -> the options that its process needs there."""
    links: Callable[[], Sequence[LinkTraffic]] = tuple
    """Returns what each link between two sites has carried."""
    setting: Mapping[str, str] = field(default_factory=dict)
    """Facts about the place for the report."""


class NetnsLauncher:
    """A ``processes.Launcher`` on a HostNetwork: ``peerN`` runs in host N, ``rs`` in the last host, all on ``port``."""

    def __init__(self, network: HostNetwork, port: int) -> None:
        self._network = network
        self._port = port

    def host(self, role: str) -> int:
        """Return the number of the host of ``role``."""
        return self._network.hosts[-1] if role == "rs" else int(role.removeprefix("peer"))

    def address(self, role: str) -> str:
        """Return the IPv4 address of the host of ``role``."""
        return self._network.address(self.host(role))

    def port(self, role: str) -> int:
        """Return the port, which is the same in all hosts."""
        return self._port

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start ``argv`` in the host of ``role``; see HostNetwork.popen."""
        return self._network.popen(self.host(role), argv, **options)


@contextmanager
def on_loopback(links: Links, peers: int) -> Iterator[Place]:
    """Provide this machine alone, where each peer limits its own rates: only the bytes of documents count."""

    def options(role: str) -> Sequence[str]:
        if role == "rs":
            return ()
        return "--up-rate", f"{links.up_of(role):.0f}", "--down-rate", f"{links.down_of(role):.0f}"

    yield Place(Loopback() if links.sites is None else SiteLoopback(links.sites), options)


@contextmanager
def in_namespaces(links: Links, peers: int) -> Iterator[Place]:
    """Provide one host for each of ``peers`` and one for the RS, on links shaped by the kernel. Raises PlaceError."""
    with _network(links, peers) as network:
        launcher = NetnsLauncher(network, PORT)
        carried = network.links if isinstance(network, SiteNetwork) else tuple
        roles = [f"peer{number}" for number in range(1, peers + 1)]
        for role in (role for role in roles if not links.is_common(role)):
            network.set_rate(launcher.host(role), _bits(links.up_of(role)), _bits(links.down_of(role)))
        yield Place(launcher, lambda role: (), carried, {"TCP congestion control": _congestion_control(network)})


def _network(links: Links, peers: int) -> HostNetwork:
    if links.sites is None:
        return HostNetwork(peers + 1, _bits(links.up), _bits(links.down))
    return SiteNetwork(links.sites.peers, _bits(links.up), _bits(links.sites.between), more=1)


PLACES = {"loopback": on_loopback, "netns": in_namespaces}


def reasons_unavailable() -> dict[str, str | None]:
    """Map each of PLACES to one line with the reason why it is not available here, or None."""
    return {"loopback": None, "netns": reason_unavailable()}


def _congestion_control(network: HostNetwork) -> str:
    used = network.congestion_control
    explained = f"{used}, the machine's own: its kernel has no {CONGESTION_CONTROL}"
    return used if used == CONGESTION_CONTROL else explained


def _bits(rate: float) -> int:
    return round(rate * 8)
