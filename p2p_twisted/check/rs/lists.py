"""The list of peers in 1.1: in parts, and as a sample."""

from __future__ import annotations

from functools import partial

from ..answers import Answer
from ..model import Failed, check
from ..server import Server
from .dialogue import Peer, ports_in, register

GROUP = "extensions"
SECTION = "PQuery"
LEVEL = "1.1"
BASIS = ("answers-in-1.1",)
NEEDS = ("register", "pquery")
MAX_PARTS = 2_000
"""Parts that are read of a list: more would be a server that never says that the list is over."""

extension = partial(check, group=GROUP, needs=NEEDS, level=LEVEL, basis=BASIS, section=SECTION)


def _asked(server: Server, peer: Peer, *headers: str) -> Answer:
    return server.expect("pquery", "ok", headers, **peer.fields)


def _peers(server: Server, count: int) -> list[Peer]:
    return [register(server) for _ in range(count)]


@extension("limit", "Limit is the most lines that are given")
def limit(server: Server) -> None:
    """Ask for two of at least four."""
    peers = _peers(server, 4)
    answer = _asked(server, peers[0], "Limit: 2")
    if len(answer.lines) > 2:
        raise Failed(f"Limit: 2 was answered with {len(answer.lines)} lines", "give at most so many lines")
    if answer.header("More") != "yes":
        raise Failed("a part of the list does not say More: yes", "say it while the list goes on")


@extension("parts", "The parts of a list make the whole list, in order")
def parts(server: Server) -> None:
    """Read the list by twos from just before the first own peer on."""
    peers = sorted(_peers(server, 5), key=lambda peer: peer.port)
    wanted = {peer.port for peer in peers}
    found: list[str] = []
    after = f"{_address_of(server, peers[0])} {peers[0].port - 1}"
    for _ in range(MAX_PARTS):
        answer = _asked(server, peers[0], "Limit: 2", f"After: {after}")
        found += answer.lines
        wanted -= set(ports_in(answer))
        if answer.header("More") != "yes" or not answer.lines or not wanted:
            break
        after = answer.lines[-1]
    if wanted:
        raise Failed(
            f"{len(wanted)} of five peers are in no part", "After: only the peers behind that address and port"
        )
    if len(found) != len(set(found)):
        raise Failed("a peer is in two parts of the list", "leave out the peer that After names")


def _address_of(server: Server, peer: Peer) -> str:
    """Return the address under which the RS lists `peer`."""
    lines = _asked(server, peer, "Limit: 1000", f"After: {server.own_host} {peer.port - 1}").lines
    return next((line.split()[0] for line in lines if line.endswith(f" {peer.port}")), server.own_host)


@extension("sample", "Sample gives so many peers by chance")
def sample(server: Server) -> None:
    """Ask for two of at least six, several times."""
    peers = _peers(server, 6)
    seen: set[str] = set()
    for _ in range(8):
        answer = _asked(server, peers[0], "Sample: 2")
        if len(set(answer.lines)) != 2:
            raise Failed(
                f"Sample: 2 was answered with {len(set(answer.lines))} peers", "give as many different peers as it says"
            )
        if answer.header("More") != "yes":
            raise Failed("a sample does not say More: yes", "say it while there are other peers")
        seen |= set(answer.lines)
    if len(seen) < 3:
        raise Failed("eight samples were the same two peers", "choose by chance, each time anew")


@extension("bad-limits", "A Limit of 0, and an After that is no address, are refused")
def bad_limits(server: Server) -> None:
    """Send them."""
    peer = register(server)
    for header in ("Limit: 0", "Limit: -1", "Sample: x", "After: nowhere"):
        server.hold(server.ask("pquery", (header,), **peer.fields), "bad_request", f"pquery with {header}")
