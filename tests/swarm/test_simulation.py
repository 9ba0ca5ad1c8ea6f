"""Whole swarms in virtual time, compared with the fluid bound; nothing here depends on the machine."""

from __future__ import annotations

from random import Random

import pytest

from tests.support.swarm_simulation import DOWN, MBIT, UP, World

pytestmark = pytest.mark.slow

MIB = 2**20
FILE = "f" * 64


def fluid(size, ups, source=UP):
    """The fluid bound in seconds: `size` bytes from one source to downloaders with these uplinks (Kumar & Ross)."""
    return max(size / source, size / DOWN, len(ups) * size / (source + sum(ups)))


def one_file(downloaders, size, **settings):
    """A world with one source of one file, and those who want it."""
    world = World({FILE: size}, **settings)
    world.peer(files=[FILE])
    for _ in range(downloaders):
        world.peer(wants=[FILE])
    return world


def small_files():
    """60 files as big as the RFC PDFs are, by name."""
    random = Random(3)
    return {f"{random.getrandbits(256):064x}": int(random.lognormvariate(10.4, 0.6)) for _ in range(60)}


def neighbours(world, count, seed=5):
    """Return whether one follows another: each follows `count` others, and the source."""
    random = Random(seed)
    followed = {peer: {world.peers[0], *random.sample(world.peers, count)} for peer in world.peers}
    return lambda one, other: other in followed[one]


# one source, one file


@pytest.mark.parametrize("latency", [0.001, 0.05])
@pytest.mark.parametrize("downloaders", [1, 2, 8, 16])
def test_near_the_bound(downloaders, latency) -> None:
    size = 32 * MIB
    world = one_file(downloaders, size, latency=latency)
    assert world.run() <= 1.15 * fluid(size, [UP] * downloaders)
    assert world.duplicate <= 0.02
    if downloaders > 1:
        assert world.peers[0].sent_before_copy <= 1.05


def test_the_same_seed_gives_the_same_course() -> None:
    courses = []
    for seed in (1, 1, 2):
        world = one_file(8, 4 * MIB, seed=seed)
        world.run()
        courses.append([(peer.finished, peer.uplink.sent) for peer in world.peers])
    assert courses[0] == courses[1] != courses[2]


def test_chance_matters_little() -> None:
    times = [one_file(8, 8 * MIB, seed=seed).run() for seed in range(5)]
    assert max(times) <= 1.1 * min(times)


@pytest.mark.parametrize(("downloaders", "size"), [(100, 4 * MIB), (300, 2 * MIB)])
def test_hundreds_with_64_neighbours_each(downloaders, size) -> None:
    """Here a piece takes longer to be passed on to all neighbours than the source takes for a good part of the file:
    the bound is its time at the source, and then at the one who got the last piece."""
    world = one_file(downloaders, size, at_once=8)
    lasts = world.run(follows=neighbours(world, 64))
    assert lasts <= 2 * (size / UP + 64 * 64 * 1024 / UP)
    assert world.peers[0].sent_before_copy <= 1.15
    assert world.duplicate <= 0.05


@pytest.mark.parametrize("seeds", [2, 5])
def test_several_sources(seeds) -> None:
    size = 16 * MIB
    world = World({FILE: size})
    for _ in range(seeds):
        world.peer(files=[FILE])
    for _ in range(8):
        world.peer(wants=[FILE])
    assert world.run() <= 1.15 * 8 * size / ((8 + seeds) * UP)
    assert world.duplicate <= 0.02


def test_a_late_one() -> None:
    """One that comes when all pieces are out gets them from everybody."""
    size = 8 * MIB
    world = one_file(8, size)
    late = world.peers[-1]
    begin, late.begin = late.begin, lambda: world.after(0.8 * size / UP, begin)
    assert world.run() <= 1.3 * fluid(size, [UP] * 8)


# links that differ


@pytest.mark.parametrize(
    ("source", "ups", "most"),
    [
        (20, [10] * 8, 1.15),
        (20, [1] * 8, 1.25),
        (100, [2] * 16, 1.5),
        (20, [1, 2, 5, 10, 20, 20, 50, 100], 2.1),
        (20, [1, 1, 1, 1, 50, 50, 50, 50], 3.0),
    ],
)
def test_uplinks_that_differ(source, ups, most) -> None:
    """A source gives each downloader as much, also those that can pass on little: the price is seen in the last two."""
    size = 16 * MIB
    world = World({FILE: size})
    world.peer(up=source * MBIT, files=[FILE])
    for up in ups:
        world.peer(up=up * MBIT, wants=[FILE])
    assert world.run() <= most * fluid(size, [up * MBIT for up in ups], source * MBIT)
    assert world.duplicate <= 0.1


def test_a_slow_downlink_delays_nobody_else() -> None:
    size = 16 * MIB
    world = one_file(7, size)
    slow = world.peer(down=5 * MBIT, wants=[FILE])
    assert world.run() <= 1.1 * size / (5 * MBIT)
    others = [peer.finished for peer in world.peers if peer is not slow]
    assert max(others) <= 1.4 * fluid(size, [UP] * 8)


# peers that leave, and corrupt ones


def test_the_source_leaves_once_it_has_sent_a_little_more_than_the_file() -> None:
    size = 16 * MIB
    world = one_file(8, size)
    world.peers[0].stops_at = 1.1 * size
    lasts = world.run()
    assert all(len(peer.have[FILE]) == world.counts[FILE] for peer in world.peers[1:])
    assert lasts <= 1.3 * fluid(size, [UP] * 8)


def test_a_peer_leaves_with_pieces_that_only_it_had() -> None:
    size = 16 * MIB
    world = one_file(8, size)
    left = world.peers[1]
    only_here = []

    def keep(name, piece, super_seeded) -> None:
        type(left)._keep(left, name, piece, super_seeded)
        if super_seeded and len(left.have[FILE]) > 100 and not left.gone:
            only_here.append(left.have[FILE] - set().union(*(peer.have[FILE] for peer in world.peers[2:])))
            left.stop()

    left._keep = keep
    assert world.run() <= 1.3 * fluid(size, [UP] * 7)
    assert only_here[0]
    assert world.duplicate <= 0.02


def test_a_corrupt_peer() -> None:
    size = 32 * MIB
    honest = one_file(8, size).run()
    world = one_file(7, size)
    corrupt = world.peer(wants=[FILE], is_corrupt=True)
    assert world.run() <= 1.35 * honest
    assert corrupt.uplink.sent <= 7 * 5 * 64 * 1024, "banned after the third hash failure, with what was on its way"


def test_a_corrupt_peer_that_announces_everything() -> None:
    size = 16 * MIB
    world = one_file(8, size)
    world.peer(files=[FILE], is_corrupt=True)
    assert world.run() <= 1.2 * fluid(size, [UP] * 8)


# sets of small files


@pytest.mark.parametrize(("downloaders", "most"), [(5, 1.4), (10, 1.6)])
def test_60_small_files_from_one_source(downloaders, most) -> None:
    files = small_files()
    world = World(files)
    world.peer(files=files)
    for _ in range(downloaders):
        world.peer(wants=files)
    assert world.run() <= most * fluid(sum(files.values()), [UP] * downloaders)
    assert world.peers[0].sent_before_copy <= 1.15
    assert world.duplicate <= 0.02


def test_60_small_files_spread_over_six_peers_that_want_all() -> None:
    files = small_files()
    world, names = World(files), list(files)
    for number in range(6):
        own = names[10 * number : 10 * number + 10]
        world.peer(files=own, wants=[name for name in names if name not in own])
    assert world.run() <= 1.35 * 5 * sum(files.values()) / (6 * UP)
    assert world.duplicate <= 0.02
