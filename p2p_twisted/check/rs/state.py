"""What an RS remembers of its peers from one request to the next."""

from __future__ import annotations

from functools import partial

from ..answers import Answer
from ..model import Failed, check
from ..server import Server
from .dialogue import leave, listed, never_given, ports_in, register, require_listed, require_not_listed

GROUP = "state"

grouped = partial(check, group=GROUP)


@grouped(
    "cookie-unique",
    "Every peer gets a cookie of its own, that nobody had before",
    section="Register",
    needs=("register", "leave"),
)
def cookie_unique(server: Server) -> None:
    """Register several peers, let one leave, and register more."""
    first = [register(server) for _ in range(3)]
    leave(server, first[1])
    peers = [*first, *(register(server) for _ in range(3))]
    cookies = [peer.cookie for peer in peers]
    again = next((cookie for cookie in cookies if cookies.count(cookie) > 1), None)
    if again is not None:
        raise Failed(
            f"the cookie {again} was given to {cookies.count(again)} peers",
            "never give a cookie again, also when the peer that had it has left",
        )


@grouped(
    "left-not-listed", "A peer that has left is not listed", section="Leave", needs=("register", "pquery", "leave")
)
def left_not_listed(server: Server) -> None:
    """Let one of two peers leave."""
    asker, other = register(server), register(server)
    require_listed(server, asker, other.port, "which has registered")
    leave(server, other)
    require_not_listed(server, asker, other.port, "which has left")


@grouped(
    "comes-back",
    "A peer that has left comes back with its cookie",
    section="Register",
    needs=("register", "pquery", "leave"),
)
def comes_back(server: Server) -> None:
    """Leave, and register with the cookie."""
    asker, peer = register(server), register(server)
    leave(server, peer)
    again = register(server, **peer.fields)
    require_listed(server, asker, again.port, "which has come back with its cookie")
    server.expect("pquery", **again.fields)


@grouped(
    "one-record",
    "A peer that registers again with its cookie is listed once",
    section="Register",
    needs=("register", "pquery"),
)
def one_record(server: Server) -> None:
    """Register twice."""
    asker, peer = register(server), register(server)
    register(server, **peer.fields)
    times = listed(server, asker).count(peer.port)
    if times != 1:
        raise Failed(
            f"a peer that has registered twice is on the list {times} times", "keep one record for each cookie"
        )


@grouped(
    "moves",
    "A peer that comes back at another port is listed there only",
    section="Register",
    needs=("register", "pquery"),
)
def moves(server: Server) -> None:
    """Register with the cookie and another port."""
    asker, peer = register(server), register(server)
    there = register(server, cookie=peer.cookie, port=server.new_port())
    require_listed(server, asker, there.port, "to which a peer has moved with its cookie")
    require_not_listed(server, asker, peer.port, "from which a peer has moved with its cookie")


@grouped(
    "keepalive-revives",
    "KeepAlive makes a peer active again that had left",
    section="KeepAlive",
    needs=("register", "keepalive", "pquery", "leave"),
)
def keepalive_revives(server: Server) -> None:
    """Leave, and renew."""
    asker, peer = register(server), register(server)
    leave(server, peer)
    server.expect("keepalive", **peer.fields)
    require_listed(server, asker, peer.port, "which has renewed after it had left")


@grouped(
    "refusal-changes-nothing",
    "A refusal changes nothing",
    section="Status codes",
    needs=("register", "pquery", "leave"),
)
def refusal_changes_nothing(server: Server) -> None:
    """Let a stranger try to unregister a peer."""
    asker, peer = register(server), register(server)
    server.expect("leave", "not_registered", cookie=never_given(server), port=peer.port)
    require_listed(server, asker, peer.port, "which a stranger has tried to unregister")


@grouped(
    "list-order",
    "The list is in the order of addresses and ports",
    section="PQuery",
    needs=("register", "pquery"),
    mandatory=False,
)
def list_order(server: Server) -> None:
    """Register peers with ports in no order, and look."""
    peers = [register(server, port=port) for port in _scattered(server)]
    answer: Answer = server.expect("pquery", **peers[0].fields)
    own = {peer.port for peer in peers}
    found = [port for port in ports_in(answer) if port in own]
    if found != sorted(found):
        raise Failed(
            f"the ports are in the order {found}", "sort by the address, as text, and then by the port, as a number"
        )


def _scattered(server: Server) -> list[int]:
    """Return four ports that are neither ascending nor descending."""
    low, middle, high, top = sorted(server.new_port() for _ in range(4))
    return [high, low, top, middle]
