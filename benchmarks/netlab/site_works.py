"""The works at several sites: LANs in a chain of thin links, one source at the first site, which all others want."""

import random
from contextlib import AbstractContextManager
from itertools import accumulate
from pathlib import Path

from benchmarks.netlab.works import SOURCE, Work, fluid_bound
from p2p_twisted.experiment.run.netns import HostNetwork
from p2p_twisted.experiment.run.site_network import SiteNetwork

SITES = {"sites-4+4": (4, 4), "sites-2+8": (2, 8), "sites-3+3+3": (3, 3, 3)}
LAN = 100_000_000  # bits/s of every host's cable, up and down
BETWEEN = 10_000_000  # bits/s of a link between two sites
SIZE = 16 * 2**20  # bytes of the file
TOLD = ("prefix", "name", "nothing")  # by what peers can know their sites: addresses, --site, or not at all


def one_file_at_sites(folder: Path, sites: tuple[int, ...], told: str) -> Work:
    """Make a file of 16 MiB in ``folder``, which goes from host 1 to all others at ``sites``, numbers of hosts."""
    path = folder / "sites.bin"
    if not path.exists():
        path.write_bytes(random.Random(len(sites)).randbytes(SIZE))
    hosts = sum(sites)
    bound = max(fluid_bound(SIZE, hosts - 1, LAN, LAN), 8 * SIZE / BETWEEN)
    known = "" if told == "prefix" else f", {told} known"
    title = f"16 MiB, sites of {'+'.join(map(str, sites))}{known}"
    wanting = tuple(range(SOURCE + 1, hosts + 1))
    return Work(title, (path,), {SOURCE: (path.name,)}, wanting, bound, sites=sites, told=told)


def network_for(work: Work, services: int) -> AbstractContextManager[HostNetwork]:
    """Return the hosts of ``work``, and ``services`` more, on their links."""
    if work.sites:
        return SiteNetwork(work.sites, LAN, BETWEEN, services, in_one_network=work.told != "prefix")
    return HostNetwork(work.hosts + services, work.up, work.down)


def site_of(work: Work, host: int) -> int:
    """Return the number of the site of ``host``, from 1."""
    return next(number for number, last in enumerate(accumulate(work.sites), 1) if host <= last)


def carried(network: HostNetwork) -> list[int]:
    """Return the bytes that each link between sites has carried in its busier direction."""
    links = network.links() if isinstance(network, SiteNetwork) else []
    return [max(link.there, link.back) for link in links]
