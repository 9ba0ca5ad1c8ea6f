"""Requests to a peer in every right spelling, and requests that are wrong."""

from __future__ import annotations

from typing import Any

from ..conversation import Lost, Silent
from ..model import Failed, NotOffered, check
from ..profile import Change
from ..server import Server
from .dialogue import a_document, missing

MESSAGES = ("index", "file")
"""What is asked of a peer; everything else is for an RS."""


def _exchange(server: Server, change: Change, outcome: str, fields: dict[str, Any]) -> None:
    """Send a changed request; its status must be that of `outcome`."""
    text = server.profile.messages[change.message].replace(change.old, change.put)
    what = f"a request with {change.name}" if change.old else change.name
    try:
        answer = server.exchange(server.spell(text, **fields))
    except (Lost, Silent) as error:
        raise Failed(f"{what}: {error.seen}", "answer every request, also one that is refused") from None
    server.hold(answer, outcome, what)


@check("peer-spellings", "Every right spelling of a request is understood", group="messages", section="Requests")
def spellings(server: Server) -> None:
    """Send each spelling of the profile's table `same` that is one for a peer."""
    changes = [change for change in server.profile.same if change.message in MESSAGES]
    if not changes:
        raise NotOffered("the profile has no other spellings")
    for change in changes:
        _exchange(server, change, "ok", dict(a_document(server).fields) if change.message == "file" else {})


@check("peer-bad-request", "What is not a request of the protocol is refused", group="refusals", section="Status codes")
def bad_request(server: Server) -> None:
    """Send each request of the profile's table `malformed` that is one to a peer."""
    changes = [change for change in server.profile.malformed if change.message in MESSAGES and change.old]
    if not changes:
        raise NotOffered("the profile has no examples of them")
    for change in changes:
        _exchange(server, change, "bad_request", missing())


@check(
    "refusal-reason",
    "The data of a refusal is one line that says why",
    group="refusals",
    section="Status codes",
    needs=("file",),
    basis=("file-unknown",),
)
def reason(server: Server) -> None:
    """Look at the data of a refusal."""
    answer = server.expect("file", "not_found", **missing())
    if len(answer.lines) != 1 or not answer.lines[0].strip():
        raise Failed(f"the data of a refusal has {len(answer.lines)} lines", "say why in one line of plain text")


@check(
    "for-the-rs",
    "A message for a registration server is refused",
    group="refusals",
    section="Status codes",
    mandatory=False,
)
def for_the_rs(server: Server) -> None:
    """Register at the peer."""
    if "register" not in server.profile.messages:
        raise NotOffered("the profile has no message to register")
    server.expect("register", "bad_request", port=server.new_port())
