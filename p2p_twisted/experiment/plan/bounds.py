"""Bounds: the least time in which the links allow a task to be done, by any program.

Sizes are bytes, rates bytes/s (``Links``), results seconds until the last downloader has everything. Framing is not
counted; on Ethernet it takes 4.4 % of a link. Peers are named by their roles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from .links import Links

NO_STARTS: Mapping[str, float] = {}


def one_by_one(transfers: Iterable[tuple[str, str, int]], links: Links) -> float:
    """Return the bound of ``transfers`` (downloader, holder, size), one at a time per downloader, from given holders.

    No uplink carries more than its rate, and the transfers of one downloader follow one another, each as fast as both
    ends allow. For one holder and N downloaders of F bytes this is the client-server bound ``max(N*F/u, F/d)``. For
    the best case of Task 2, in which each of n peers holds F/n and wants the rest, it is ``(n-1)*F/(n*u)``.
    """
    sending: dict[str, float] = defaultdict(float)
    receiving: dict[str, float] = defaultdict(float)
    for downloader, holder, size in transfers:
        sending[holder] += size / links.up_of(holder)
        receiving[downloader] += size / min(links.up_of(holder), links.down_of(downloader))
    return max([*sending.values(), *receiving.values()], default=0.0)


def fluid(
    wanted: Mapping[str, Collection[str]],
    held: Mapping[str, Collection[str]],
    sizes: Mapping[str, int],
    links: Links,
    starts: Mapping[str, float] = NO_STARTS,
) -> float:
    """Return the bound when every peer passes on what it receives.

    ``wanted`` and ``held`` map each peer to the names that it wants, and that it has at the start. A document that only
    one peer has must leave it once, each peer must receive what it wants, and all of it must pass through all uplinks
    together. For one source this is ``max(F/u_s, F/d_min, N*F/(u_s + sum(u_i)))`` (Kumar and Ross, *Peer-assisted
    file distribution: the minimum distribution time*, 2006).

    ``starts`` maps peers that begin later to seconds from now: until then they receive nothing, and one that has
    nothing at the start sends nothing.
    """
    requested = set().union(*wanted.values())
    holders = {name: [role for role, names in held.items() if name in names] for name in requested}
    leaving: dict[str, int] = defaultdict(int)
    for name, roles in holders.items():
        if len(roles) == 1:
            leaving[roles[0]] += sizes[name]
    arriving = {role: sum(sizes[name] for name in names) for role, names in wanted.items()}
    peers = held.keys() | wanted.keys()
    uplinks = [(0.0 if held.get(role) else starts.get(role, 0.0), links.up_of(role)) for role in peers]
    return max(
        [
            *(size / links.up_of(role) for role, size in leaving.items()),
            *(starts.get(role, 0.0) + size / links.down_of(role) for role, size in arriving.items()),
            seconds_to_send(sum(arriving.values()), uplinks),
        ]
    )


def seconds_to_send(size: float, uplinks: Iterable[tuple[float, float]]) -> float:
    """Return the seconds in which ``uplinks`` (when each begins, its rate) can send ``size`` bytes together."""
    seconds = rate = 0.0
    for begins, more in sorted(uplinks):
        if size < rate * (begins - seconds):
            break
        size -= rate * (begins - seconds)
        seconds, rate = begins, rate + more
    return seconds + size / rate
