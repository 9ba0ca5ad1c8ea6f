"""The TTL of a registration: it runs down, and is renewed. These checks need a server whose TTL is known and low."""

from __future__ import annotations

import re
import time
from functools import partial

from ..model import CannotTell, Failed, check
from ..server import Server
from ..transcript import shown
from .dialogue import MAX_QUOTED, listed, register, require_listed, require_not_listed

GROUP = "ttl"
TRIES = 2
"""How often a check is tried that this machine may be too slow for."""
SLACK = 0.4
"""Seconds by which a server may be late in letting a peer expire."""

grouped = partial(check, group=GROUP)


@grouped(
    "ttl-told",
    "KeepAlive tells the TTL that the server was started with",
    section="KeepAlive",
    needs=("register", "keepalive"),
    ttls=0.01,
)
def ttl_told(server: Server) -> None:
    """Compare the number in the answer."""
    answer = server.expect("keepalive", **register(server).fields)
    text, ttl = shown(answer.body[:MAX_QUOTED]), str(int(_ttl(server)))
    if ttl not in re.findall("[0-9]+", text):
        raise Failed(f"the answer says '{text}'", f"it must tell the TTL, {ttl} seconds")


@grouped(
    "ttl-expires",
    "A peer that does not renew is no longer listed",
    section="The registration server",
    needs=("register", "pquery"),
    ttls=2.5,
)
def ttl_expires(server: Server) -> None:
    """Wait for longer than the TTL; then come back with the cookie."""
    silent = register(server)
    server.pause(_ttl(server) + SLACK)
    require_not_listed(server, register(server), silent.port, "whose TTL has run out")
    back = register(server, **silent.fields)
    require_listed(server, back, silent.port, "which has come back with its cookie")


@grouped(
    "ttl-keepalive",
    "KeepAlive renews the TTL",
    section="KeepAlive",
    needs=("register", "keepalive", "pquery"),
    ttls=2.5 * TRIES,
)
def ttl_keepalive(server: Server) -> None:
    """Renew before the TTL runs out, and wait until it would have."""
    _renewed_by(server, "keepalive")


@grouped(
    "ttl-pquery",
    "PQuery renews the TTL of the peer that asks",
    section="PQuery",
    needs=("register", "pquery"),
    ttls=2.5 * TRIES,
)
def ttl_pquery(server: Server) -> None:
    """Query before the TTL runs out, and wait until it would have."""
    _renewed_by(server, "pquery")


@grouped(
    "ttl-revives",
    "KeepAlive makes a peer active again whose TTL has run out",
    section="KeepAlive",
    needs=("register", "keepalive", "pquery"),
    ttls=2.5,
)
def ttl_revives(server: Server) -> None:
    """Wait for longer than the TTL, and renew."""
    silent = register(server)
    server.pause(_ttl(server) + SLACK)
    server.expect("keepalive", **silent.fields)
    require_listed(server, register(server), silent.port, "which has renewed after its TTL had run out")


def _renewed_by(server: Server, message: str) -> None:
    """Raise Failed if `message`, sent within the TTL, does not renew it; CannotTell if this side was too slow."""
    for _ in range(TRIES):
        start = time.monotonic()
        peer = register(server)
        server.pause(0.6 * _ttl(server))
        sent = time.monotonic()
        answer = server.ask(message, **peer.fields)
        if time.monotonic() - start < _ttl(server):
            server.hold(answer, "ok", message)
            server.pause(0.6 * _ttl(server))
            found = listed(server, register(server))
            if peer.port in found:
                return
            if time.monotonic() - sent < _ttl(server):
                raise Failed(
                    f"a peer that has sent {message} within the TTL is no longer on the list",
                    f"set the TTL of the peer anew at every {message}",
                )
    raise CannotTell("requests took longer than the TTL", "start the server with a longer TTL")


def _ttl(server: Server) -> float:
    """Return the TTL in seconds; without one, these checks are not run."""
    return server.target.ttl or 0.0
