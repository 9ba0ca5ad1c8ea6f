"""Peers at several sites: each piece crosses a link once, and nothing is waited for in vain."""

from __future__ import annotations

from random import Random

import pytest

from p2p_twisted.config.sites import NETWORKS, network_site
from p2p_twisted.swarm.picker import Picker
from p2p_twisted.swarm.picker_state import PieceRequest
from p2p_twisted.swarm.sites import ALL, ELSEWHERE, SiteBytes, Sites
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.ranges import bits, first_bits

SHA256 = "ab" * 32
COUNT = 64
PIECE = 64 * 1024
FAST, SLOW = 10e6, 0.5e6
"""Bytes/s inside a site, and from another one."""


def at(site: int, number: int) -> Address:
    return f"10.1.{site}.{number}", 65400


def site_of(address: Address) -> str:
    return network_site(address[0], NETWORKS)


SEED = at(1, 1)


class Peer:
    """A downloader at `me`, whose sources are the seed at site 1 and `others`, downloaders with nothing yet."""

    def __init__(self, me: Address, others: list[Address], is_named: bool = False) -> None:
        self.me = me
        self.sites = Sites(me, site_of(me), site_of, is_named)
        self.picker = Picker(Random(1), self.sites)
        self.state = self.picker.state
        self.state.want(SHA256, COUNT, first_bits(COUNT))
        self.wanted = self.state.files[SHA256]
        self.state.add_complete(SEED, SHA256)
        self.state.sources[SEED].downloads = False
        for other in others:
            self.hear(other)

    def hear(self, other: Address, *pieces: int) -> None:
        self.state.add_pieces(other, SHA256, bits(pieces))

    def may_ask(self, source: Address) -> int:
        """Return the set of the pieces that `source` may be asked for."""
        return self.sites.may_ask(source, self.state, self.wanted) & first_bits(COUNT)

    def measure(self, source: Address, rate: float, answers: int = 8) -> None:
        """Let so many pieces have come from `source` at that rate."""
        for _ in range(answers):
            self.sites.received(source, PIECE, PIECE / rate)

    def idle_until(self, now: float) -> bool:
        """Return whether the seed is to be asked for anything at `now`, twice: the first time may find out."""
        self.picker.needs(SEED, now)
        return self.picker.needs(SEED, now)


def peers(*addresses: Address) -> list[Peer]:
    """Return these downloaders, which know one another."""
    return [Peer(me, [other for other in addresses if other != me]) for me in addresses]


def test_each_piece_is_fetched_from_elsewhere_by_one_of_a_site() -> None:
    there = peers(*(at(2, number) for number in range(1, 5)))
    shares = [peer.may_ask(SEED) for peer in there]
    assert sum(share.bit_count() for share in shares) == COUNT
    assert sum(shares) == first_bits(COUNT)


def test_of_two_sites_one_fetches_a_piece_from_the_site_of_the_seed_and_the_other_from_that_one() -> None:
    there = peers(*(at(site, number) for site in (2, 3) for number in (1, 2)))
    shares = {peer.me: peer.may_ask(SEED) for peer in there}
    assert sum(share.bit_count() for share in shares.values()) == COUNT
    assert sum(shares.values()) == first_bits(COUNT)
    first, other = there[0], at(3, 1)
    assert first.may_ask(other) & ~shares[first.me], "the other site may be asked for what it fetched"
    assert (first.may_ask(other) | there[1].may_ask(other)) == first_bits(COUNT)


def test_a_peer_that_is_alone_at_its_site_asks_anybody_for_anything() -> None:
    (peer,) = peers(at(2, 1))
    assert peer.may_ask(SEED) == first_bits(COUNT)


def test_at_the_site_of_the_seed_nobody_asks_elsewhere() -> None:
    peer = Peer(at(1, 2), [at(1, 3), at(2, 1)])
    peer.measure(at(2, 1), SLOW, answers=1)
    assert peer.may_ask(SEED) == first_bits(COUNT)
    assert peer.may_ask(at(2, 1)) == 0


def test_what_somebody_of_the_site_has_is_taken_there() -> None:
    peer = Peer(at(2, 1), [at(2, 2)])
    peer.measure(SEED, SLOW, answers=1)
    mine = peer.may_ask(SEED)
    piece = mine.bit_length() - 1
    peer.hear(at(2, 2), piece)
    assert peer.may_ask(SEED) == mine & ~(1 << piece)
    assert peer.may_ask(at(2, 2)) == first_bits(COUNT)
    peer.sites.is_usable = lambda source: source != at(2, 2)
    assert peer.may_ask(SEED) == mine, "but not while that one cannot be asked"


def test_one_piece_from_elsewhere_tells_how_fast_it_is() -> None:
    peer = Peer(at(1, 2), [at(2, 1)])
    peer.hear(at(2, 1), *range(COUNT))
    assert peer.may_ask(at(2, 1)) == first_bits(COUNT)
    assert peer.picker.next_piece(at(2, 1), 0.0) is not None
    assert peer.may_ask(at(2, 1)) == 0


def test_where_others_are_as_fast_the_site_does_not_matter() -> None:
    peer = Peer(at(2, 1), [at(2, 2)])
    peer.measure(at(2, 2), FAST)
    peer.measure(SEED, SLOW)
    assert peer.may_ask(SEED) != first_bits(COUNT)
    peer.measure(SEED, FAST, answers=40)
    assert peer.may_ask(SEED) == first_bits(COUNT)


def test_a_slow_peer_of_the_same_network_is_elsewhere() -> None:
    peer = Peer(at(1, 2), [at(1, 3), at(1, 4)])
    for source in (at(1, 3), at(1, 4)):
        peer.measure(source, FAST)
    peer.measure(SEED, SLOW)
    assert (peer.sites.of(SEED), peer.sites.of(at(1, 3))) == (ELSEWHERE, site_of(peer.me))
    assert 0 < peer.may_ask(SEED).bit_count() < COUNT


def test_a_slow_peer_of_the_named_site_stays_there() -> None:
    peer = Peer(at(1, 2), [at(1, 3)], is_named=True)
    peer.measure(at(1, 3), FAST)
    peer.measure(SEED, SLOW)
    assert peer.may_ask(SEED) == first_bits(COUNT)


def test_peers_of_one_site_are_not_restricted() -> None:
    peer = Peer(at(1, 2), [at(1, 3)])
    assert peer.sites.may_ask(SEED, peer.state, peer.wanted) == ALL


def test_the_share_of_one_that_fetches_nothing_is_taken_over() -> None:
    first, second = at(2, 1), at(2, 2)
    peer = Peer(first, [second])
    peer.measure(SEED, SLOW, answers=1)
    now, mine = 0.0, peer.may_ask(SEED).bit_count()
    while (request := peer.picker.next_piece(SEED, now)) is not None:
        assert isinstance(request, PieceRequest)
        peer.picker.verified(SHA256, request.piece)
        peer.sites.received(SEED, PIECE, PIECE / SLOW)
        now += 0.1
    assert peer.wanted.missing.bit_count() == COUNT - mine
    assert not peer.idle_until(now)
    assert not peer.idle_until(now + 0.4), "it may just be a little slower"
    assert peer.idle_until(now + 2.0)
    assert peer.may_ask(SEED) == first_bits(COUNT)


def test_the_share_of_one_that_leaves_is_taken_over_at_once() -> None:
    peer = Peer(at(2, 1), [at(2, 2), at(2, 3)])
    before = peer.may_ask(SEED)
    peer.picker.remove_source(at(2, 2))
    after = peer.may_ask(SEED)
    assert before == before & after != after
    peer.picker.remove_source(at(2, 3))
    assert peer.may_ask(SEED) == first_bits(COUNT)


def test_what_came_from_the_own_site_was_saved_if_no_seed_is_there() -> None:
    far, near = Peer(at(2, 1), [at(2, 2)]), Peer(at(1, 2), [at(1, 3)])
    for peer in (far, near):
        peer.state.add_seed(SEED, SHA256)
    assert far.sites.count({SEED: 10, at(2, 2): 300}, far.state) == SiteBytes(300, 10, 300)
    assert near.sites.count({SEED: 10, at(1, 3): 300, at(2, 2): 5}, near.state) == SiteBytes(310, 5, 0)


@pytest.mark.parametrize("sizes", [(1, 1), (4, 4), (2, 8), (1, 3, 9), (3, 3, 3)])
def test_each_piece_crosses_each_link_once(sizes: tuple[int, ...]) -> None:
    """Everybody asks everybody at once, round after round, until all have everything."""
    everybody = [at(site, number) for site, size in enumerate(sizes, 1) for number in range(1, size + 1)]
    downloaders = {peer.me: peer for peer in peers(*everybody[1:])}
    into: dict[str, list[int]] = {site_of(address): [] for address in everybody}
    out_of_first: list[int] = []
    for now in range(1000):
        got: list[tuple[Address, int]] = []
        for me, peer in downloaders.items():
            for source in everybody:
                request = peer.picker.next_piece(source, float(now)) if source != me else None
                if isinstance(request, PieceRequest):
                    got.append((me, request.piece))
                    peer.sites.received(source, PIECE, PIECE / (FAST if peer.sites.is_near(source) else SLOW))
                    if site_of(source) != site_of(me):
                        into[site_of(me)].append(request.piece)
                        if source[0].startswith("10.1.1."):
                            out_of_first.append(request.piece)
        for me, piece in got:
            downloaders[me].picker.verified(SHA256, piece)
            for other in downloaders.values():
                if other.me != me:
                    other.hear(me, piece)
    assert all(peer.picker.done() for peer in downloaders.values())
    for site in list(into)[1:]:
        assert sorted(into[site]) == list(range(COUNT)), site
    assert sorted(out_of_first) == list(range(COUNT))
