"""Each message of an RS."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..model import Failed, NotOffered, check
from ..server import Server
from .dialogue import listed, register, require_body

GROUP = "messages"
REGISTER = ("register",)
ALL_FOUR = ("register", "keepalive", "pquery", "leave")

grouped = partial(check, group=GROUP)


@grouped("register", "Register without a cookie is granted, and gives one", section="Register", needs=REGISTER)
def granted(server: Server) -> None:
    """Register a peer."""
    peer = register(server)
    if not 0 <= int(peer.cookie) < 2**63:
        raise Failed(f"the cookie is {peer.cookie}", "a cookie is a number below 2^63, for a client of 1.0 below 2^31")


@grouped("register-data", "The data of a granted Register is its cookie", section="Register", needs=REGISTER)
def register_data(server: Server) -> None:
    """Look at the data."""
    require_body(server, "register", server.expect("register", port=server.new_port()))


@grouped("keepalive", "KeepAlive of a registered peer is granted", section="KeepAlive", needs=("register", "keepalive"))
def keepalive(server: Server) -> None:
    """Register, and renew."""
    server.expect("keepalive", **register(server).fields)


@grouped("keepalive-data", "The answer to KeepAlive says the TTL", section="KeepAlive", needs=("register", "keepalive"))
def keepalive_data(server: Server) -> None:
    """Look at the data."""
    require_body(server, "keepalive", server.expect("keepalive", **register(server).fields))


@grouped("pquery", "PQuery lists the active peers", section="PQuery", needs=("register", "pquery"))
def pquery(server: Server) -> None:
    """Register two peers; each must be on the other's list, with one line."""
    first, second = register(server), register(server)
    for asker, other in ((first, second), (second, first)):
        times = listed(server, asker).count(other.port)
        if times != 1:
            raise Failed(f"another peer that is active is on the list {times} times", "give each active peer one line")


@grouped(
    "pquery-asker",
    "PQuery lists the asker, or does not, as the profile says",
    section="PQuery",
    needs=("register", "pquery"),
)
def pquery_asker(server: Server) -> None:
    """Register, and look for oneself."""
    peer = register(server)
    found, wanted = peer.port in listed(server, peer), server.profile.lists_asker
    if found and not wanted:
        raise Failed("the list has the peer that asks", "leave out the peer that asks")
    if wanted and not found:
        raise Failed("the list does not have the peer that asks", "list the peer that asks as well")


@grouped(
    "pquery-data", "Each line of the list is an address and a port", section="PQuery", needs=("register", "pquery")
)
def pquery_data(server: Server) -> None:
    """Look at the data."""
    peer = register(server)
    register(server)
    require_body(server, "pquery", server.expect("pquery", **peer.fields))


@grouped("leave", "Leave of a registered peer is granted", section="Leave", needs=("register", "leave"))
def leave(server: Server) -> None:
    """Register, and leave."""
    server.expect("leave", **register(server).fields)


@grouped("leave-data", "The data of a granted Leave is its text", section="Leave", needs=("register", "leave"))
def leave_data(server: Server) -> None:
    """Look at the data."""
    require_body(server, "leave", server.expect("leave", **register(server).fields))


@grouped("spellings", "Every spelling of a request that is right is understood", section="Requests", needs=REGISTER)
def spellings(server: Server) -> None:
    """Send each spelling of the profile's table `same`."""
    changes = [change for change in server.profile.same if change.message in ALL_FOUR]
    if not changes:
        raise NotOffered("the profile has no other spellings")
    known = register(server)
    for change in changes:
        text = server.profile.messages[change.message].replace(change.old, change.put)
        fields: dict[str, Any] = {"port": server.new_port()} if change.message == "register" else known.fields
        server.hold(server.exchange(server.spell(text, **fields)), "ok", f"a request with {change.name}")
