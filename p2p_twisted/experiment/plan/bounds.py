"""The least time that links allow for a piece of work: no program can be faster, however it is written.

Sizes are bytes, rates bytes a second (``Links``), results seconds until the last one has all. Framing is not counted:
it takes 4.4 % of an Ethernet link. Peers are named by their roles.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from .links import Links


def one_by_one(transfers: Iterable[tuple[str, str, int]], links: Links) -> float:
    """``transfers`` (downloader, holder, size): each downloader has one at a time, whole, from a given holder.

    No uplink carries more than its rate, and a downloader's own transfers follow one another, each as fast as both ends
    allow. For one holder and N downloaders of F bytes this is the client-server bound ``max(N*F/u, F/d)``. For the best
    case of Task 2, in which each of n peers holds F/n and wants the rest, it is ``(n-1)*F/(n*u)``.
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
) -> float:
    """``wanted`` and ``held``: the names that each peer wants, and has at first; everybody passes on what it gets.

    What one peer alone has must leave it once; each peer must receive what it wants; all of it must pass through all
    uplinks together. For one source this is ``max(F/u_s, F/d_min, N*F/(u_s + sum(u_i)))`` (Kumar and Ross,
    *Peer-assisted file distribution: the minimum distribution time*, 2006).
    """
    asked = set().union(*wanted.values())
    holders = {name: [role for role, names in held.items() if name in names] for name in asked}
    leaving: dict[str, int] = defaultdict(int)
    for name, roles in holders.items():
        if len(roles) == 1:
            leaving[roles[0]] += sizes[name]
    arriving = {role: sum(sizes[name] for name in names) for role, names in wanted.items()}
    uplinks = sum(links.up_of(role) for role in held.keys() | wanted.keys())
    return max(
        [
            *(size / links.up_of(role) for role, size in leaving.items()),
            *(size / links.down_of(role) for role, size in arriving.items()),
            sum(arriving.values()) / uplinks,
        ]
    )


def in_pieces(size: int, downloaders: int, pieces: int, up: float) -> float:
    """One document in ``pieces`` equal parts, passed on whole, from one source to ``downloaders``, all uplinks ``up``.

    ``(F/u) * (1 + floor(log2 N)/M)`` (Mundinger, Weber and Weiss, *Optimal scheduling of peer-to-peer file
    dissemination*, 2008).
    """
    return size / up * (1 + math.floor(math.log2(downloaders)) / pieces)
