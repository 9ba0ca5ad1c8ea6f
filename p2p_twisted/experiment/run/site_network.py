"""Hosts at several sites: a bridge for each, joined in a chain by shaped links (Linux, root).

The hosts of a site are on one bridge, each on a cable with the rates of the site's LAN. Site 1 is joined to site 2,
that to site 3, and so on; ``tc tbf`` shapes both directions of such a link, and every frame from one site to another
crosses the links between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from .iproute import run
from .netns import MTU, PREFIX, HostNetwork, checked, shape


@dataclass(frozen=True)
class LinkTraffic:
    """Bytes of data that a link between two sites has carried over TCP, without headers, since it was made."""

    there: int
    """Away from site 1."""
    back: int


class SiteNetwork(HostNetwork):
    """Hosts at ``sites``, the numbers of hosts of each, and ``more`` hosts at site 1 that are numbered last.

    ``lan`` is the rate of every host's cable in both directions, ``between`` that of each link, in bits/s. The hosts of
    site S are 10.77.S.N, unless they are to be ``in_one_network``: then the addresses do not tell the sites.
    """

    def __init__(
        self,
        sites: Sequence[int],
        lan: int,
        between: int,
        more: int = 0,
        in_one_network: bool = False,
        prefix: str = PREFIX,
    ) -> None:
        super().__init__(sum(sites) + more, lan, lan, prefix)
        self._last = list(accumulate(sites))
        self._between = checked(between)
        self._in_one_network = in_one_network

    def __enter__(self) -> SiteNetwork:
        super().__enter__()
        return self

    def site(self, host: int) -> int:
        """Return the number of the site of ``host``, from 1."""
        host = self._known(host)
        return next((number for number, last in enumerate(self._last, 1) if host <= last), 1)

    def address(self, host: int) -> str:
        """Return the IPv4 address of ``host``."""
        return f"10.77.{0 if self._in_one_network else self.site(host)}.{self._known(host)}"

    def links(self) -> list[LinkTraffic]:
        """Return the traffic of each link, that between sites 1 and 2 first."""
        ports = self._ports()
        found = [ports[f"link{number}"] for number in self._links]
        return [LinkTraffic(there=traffic.received, back=traffic.sent) for traffic in found]

    @property
    def _links(self) -> range:
        return range(1, len(self._last))

    def _bridges(self) -> list[str]:
        names = [f"site{number}" for number, _ in enumerate(self._last, 1)]
        bridges = [f"link add {name} type bridge stp_state 0" for name in names]
        cables = [f"link add link{n} mtu {MTU} type veth peer name far{n} mtu {MTU}" for n in self._links]
        near = [f"link set link{n} master site{n} up" for n in self._links]
        far = [f"link set far{n} master site{n + 1} up" for n in self._links]
        return [*bridges, *(f"link set {name} up" for name in names), *cables, *near, *far]

    def _bridge(self, host: int) -> str:
        return f"site{self.site(host)}"

    def _build(self) -> None:
        super()._build()
        for number in self._links:
            for end in ("link", "far"):
                run(["tc", "-n", self._switch, *shape(f"{end}{number}", self._between).split()])
