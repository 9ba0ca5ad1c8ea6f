"""Headers of requests in 1.1."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..model import check
from ..server import Server
from .dialogue import register

GROUP = "extensions"
SECTION = "Requests"
LEVEL = "1.1"
BASIS = ("answers-in-1.1",)
NEEDS = ("register", "keepalive", "pquery")

extension = partial(check, group=GROUP, needs=NEEDS, level=LEVEL, basis=BASIS, section=SECTION)


def _data_size(server: Server, **fields: Any) -> int:
    """Return how long the data of a KeepAlive with `fields` is, in bytes."""
    return len(server.request("keepalive", **fields).partition(b"\n\n")[2])


@extension("unknown-header", "A header that is unknown is passed over")
def unknown_header(server: Server) -> None:
    """Send one."""
    peer = register(server)
    server.expect("keepalive", "ok", ("Colour: blue", "limit: x"), **peer.fields)


@extension("bad-headers", "A header that comes twice, or has a wrong value, is refused")
def bad_headers(server: Server) -> None:
    """Send such headers."""
    peer = register(server)
    size = _data_size(server, **peer.fields)
    twice = (f"Length: {size}", f"Length: {size}")
    for headers in (twice, (f"Length: +{size}",), ("Length: -1",), (f"Length: {size + 100_000}",), ("Limit: x",)):
        message = "pquery" if headers[0].startswith("Limit") else "keepalive"
        answer = server.ask(message, headers, **peer.fields)
        server.hold(answer, "bad_request", f"{message} with {' and '.join(headers)}")


@extension("length-of-data", "The data of a request is as long as its Length says")
def length_of_data(server: Server) -> None:
    """Say a length that is one byte too short: the request is not right."""
    peer = register(server)
    size = _data_size(server, **peer.fields)
    server.expect("keepalive", "bad_request", (f"Length: {size - 3}",), **peer.fields)
