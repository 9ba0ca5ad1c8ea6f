"""Whom simulated peers are in touch with before anything is downloaded: the RS's sample and the real neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from p2p_twisted.peer.peers.circle import SAMPLE
from p2p_twisted.peer.peers.neighbours import NEAR, Neighbours
from p2p_twisted.registry.address_book import AddressBook
from p2p_twisted.wire import fields
from p2p_twisted.wire.address import Address


def introduce(book: AddressBook, peers: Mapping[Address, Neighbours]) -> None:
    """Let each peer choose its neighbours among those in the RS's `book` and greet them, as `circle` does."""
    for address, neighbours in peers.items():
        lines, more = book.sample(SAMPLE)
        listed = listed_in(lines)
        near, _ = book.page(2 * NEAR, address)
        neighbours.count(len(listed) - 1, not more)
        neighbours.offer([one for one in listed if one != address], near)
        for chosen in neighbours.fill():
            peers[chosen].greeted_by(address)


def listed_in(lines: bytes) -> list[Address]:
    """Return the addresses in an answer of the RS."""
    return [fields.address(line) for line in lines.decode().splitlines()]


def in_touch(peers: Mapping[Address, Neighbours]) -> dict[Address, set[Address]]:
    """Return those that each peer exchanges its index with, after `introduce`: all of a small swarm."""
    met: dict[Address, set[Address]] = {address: set() for address in peers}
    for address, neighbours in peers.items():
        known = {*neighbours.chosen, *neighbours.greeters} if neighbours.is_large else peers.keys() - {address}
        for other in known:
            met[address].add(other)
            met[other].add(address)
    return met
