"""Deal documents to peers, and put them in an order that depends on a random seed alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random


def deal(peers: Sequence[str], sizes: Mapping[str, int], random_seed: int) -> dict[str, tuple[str, ...]]:
    """Deal the documents to ``peers``: equally many each, give or take one, and about equally many bytes.

    The largest document goes first, always to the peer with the fewest bytes that still has room. ``random_seed``
    determines which peer gets which hand. Raises ValueError if there are fewer documents than peers.
    """
    if len(sizes) < len(peers):
        raise ValueError(f"{len(sizes)} documents cannot be dealt to {len(peers)} peers")
    least, more = divmod(len(sizes), len(peers))
    room = [least + (place < more) for place in range(len(peers))]
    hands: list[list[str]] = [[] for _ in peers]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        free = [place for place in range(len(peers)) if len(hands[place]) < room[place]]
        hands[min(free, key=lambda place: (sum(sizes[other] for other in hands[place]), place))].append(name)
    drawn = dict(zip(shuffled(peers, random_seed, "deal"), hands, strict=True))
    return {role: tuple(drawn[role]) for role in peers}


def take_evenly(shares: Mapping[str, Sequence[str]], count: int) -> list[tuple[str, Sequence[str]]]:
    """Return the first names of each share, ``count`` in all, as evenly divided over the shares as possible."""
    taken = dict.fromkeys(shares, 0)
    for _ in range(count):
        role = min((role for role in shares if taken[role] < len(shares[role])), key=lambda role: taken[role])
        taken[role] += 1
    return [(role, names[: taken[role]]) for role, names in shares.items()]


def in_step(names: Sequence[str], sizes: Mapping[str, int], random_seed: int) -> list[str]:
    """Return ``names`` in an order of sizes that is the same for all shares of equal length.

    Peers that each fetch another share in this order fetch large documents at the same time, and small ones.
    """
    by_size = sorted(names, key=lambda name: (sizes[name], name))
    places = list(range(len(names)))
    Random(f"{random_seed}/{len(names)}").shuffle(places)
    return [by_size[place] for place in places]


def shuffled(words: Iterable[str], random_seed: int, *key: str) -> list[str]:
    """Return ``words`` in an order that depends on ``random_seed`` and ``key`` alone."""
    mixed = sorted(words)
    Random("/".join((str(random_seed), *key))).shuffle(mixed)
    return mixed
