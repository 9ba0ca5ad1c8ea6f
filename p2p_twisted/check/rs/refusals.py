"""What an RS refuses, with which status, and how."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..conversation import Lost, Silent
from ..model import CannotTell, Failed, NotOffered, check
from ..profile import Change
from ..server import Server, quoted
from .dialogue import Peer, leave, listed, never_given, register

GROUP = "refusals"

grouped = partial(check, group=GROUP)


def _malformed(server: Server, changes: Sequence[Change]) -> None:
    """Send each of `changes`; each must be refused as a bad request."""
    changes = [change for change in changes if change.message in server.profile.messages]
    if not changes:
        raise NotOffered("the profile has no examples of them")
    known = register(server).fields if "register" in server.profile.messages else {}
    new: dict[str, Any] = {"cookie": server.profile.first_cookie, "number": 1, **server.target.fields}
    for change in changes:
        text = server.profile.messages[change.message].replace(change.old, change.put)
        fields = new if change.message == "register" else {**new, **known}
        what = f"a request with {change.name}" if change.old else change.name
        try:
            answer = server.exchange(server.spell(text, **{"port": server.new_port(), **fields}))
        except (Silent, Lost) as error:
            mend = "refuse what is no request of the protocol at once, and close"
            raise Failed(f"{what}: {error.seen}", mend) from None
        server.hold(answer, "bad_request", what)


@grouped("bad-request", "What is not a request of the protocol is refused", section="Status codes")
def bad_request(server: Server) -> None:
    """Send each request of the profile's table `malformed`."""
    _malformed(server, server.profile.malformed)


@grouped("strict", "Requests are read strictly", section="Values", mandatory=False)
def strict(server: Server) -> None:
    """Send each request of the profile's table `strict`."""
    _malformed(server, server.profile.strict)


@grouped(
    "refusal-reason", "The data of a refusal is one line that says why", section="Status codes", needs=("register",)
)
def refusal_reason(server: Server) -> None:
    """Look at the data of a refusal, of whatever is refused."""
    for request in (
        server.request("register", cookie=never_given(server), port=server.new_port()),
        server.request("register", port="abc"),
    ):
        answer = server.exchange(request)
        if answer.code != server.profile.codes["ok"]:
            break
    else:
        raise CannotTell("the server refuses nothing", "mend the checks of what must be refused first")
    if len(answer.lines) != 1 or not answer.lines[0].strip():
        raise Failed(f"the data of a refusal has {len(answer.lines)} lines", "say why in one line of plain text")


@grouped(
    "unknown-cookie",
    "Register with a cookie that nobody was given is forbidden",
    section="Register",
    needs=("register",),
)
def unknown_cookie(server: Server) -> None:
    """Register with a wrong cookie; nothing may be created."""
    port = server.new_port()
    server.expect("register", "unknown_cookie", cookie=never_given(server), port=port)
    if "pquery" in server.profile.messages and port in listed(server, register(server)):
        raise Failed("the peer that was refused is on the list", "create nothing when a Register is refused")


def _stranger(server: Server, message: str) -> None:
    """Send `message` with a cookie that nobody was given, then with a right one and another's port."""
    server.expect(message, "not_registered", cookie=never_given(server), port=server.new_port())
    peer = register(server)
    answer = server.ask(message, cookie=peer.cookie, port=server.new_port())
    if answer.code != server.profile.codes["not_registered"]:
        raise Failed(
            f"{message} with another port than the registered one was answered {quoted(answer)}",
            "compare the cookie and the port; both must be those of one peer",
        )


@grouped(
    "keepalive-stranger",
    "KeepAlive of a peer that is not registered is forbidden",
    section="KeepAlive",
    needs=("register", "keepalive"),
)
def keepalive_stranger(server: Server) -> None:
    """Renew what was never registered."""
    _stranger(server, "keepalive")


@grouped(
    "pquery-stranger",
    "PQuery of a peer that is not registered is forbidden",
    section="PQuery",
    needs=("register", "pquery"),
)
def pquery_stranger(server: Server) -> None:
    """Query without being registered."""
    _stranger(server, "pquery")


@grouped(
    "leave-stranger",
    "Leave of a peer that is not registered is forbidden",
    section="Leave",
    needs=("register", "leave"),
)
def leave_stranger(server: Server) -> None:
    """Leave without being registered."""
    _stranger(server, "leave")


@grouped(
    "pquery-after-leave",
    "PQuery of a peer that has left is forbidden",
    section="PQuery",
    needs=("register", "pquery", "leave"),
)
def pquery_after_leave(server: Server) -> None:
    """Leave, and query."""
    server.expect("pquery", "not_active", **_left(server).fields)


@grouped("leave-twice", "Leave of a peer that has left is forbidden", section="Leave", needs=("register", "leave"))
def leave_twice(server: Server) -> None:
    """Leave, and leave."""
    server.expect("leave", "not_active", **_left(server).fields)


def _left(server: Server) -> Peer:
    peer = register(server)
    leave(server, peer)
    return peer


@grouped(
    "address-taken",
    "Nobody registers at the address of a peer that has just renewed",
    section="Register",
    needs=("register",),
    mandatory=False,
)
def address_taken(server: Server) -> None:
    """Register a new peer where one is active."""
    peer = register(server)
    server.expect("register", "taken", port=peer.port)
