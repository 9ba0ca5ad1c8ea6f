"""Changes of an index since a version, and as they happen, in 1.1."""

from __future__ import annotations

from functools import partial

from ..model import CannotTell, Failed, check
from ..server import Server
from ..stress.kept_open import next_answer
from .dialogue import LENGTH, documents, own_documents

GROUP = "extensions"
LEVEL = "1.1"
NEEDS = ("index",)
SECTION = "Versions of an index"

extension = partial(check, group=GROUP, needs=NEEDS, level=LEVEL, basis=LENGTH)


def _version(server: Server) -> str:
    """Return the version of the index. Raises CannotTell."""
    version = server.expect("index").header("Index")
    if not version:
        raise CannotTell("the index has no version", "see the check 'index-version'")
    return version


@extension("since", "Since is answered with what has changed", section=SECTION)
def changes(server: Server) -> None:
    """Ask for what has changed since now."""
    version = _version(server)
    answer = server.expect("index", "ok", (f"Since: {version}",))
    if answer.header("Since") not in (version, None):
        raise Failed(f"Since is {answer.header('Since')}", f"repeat the version that was asked for, {version}")
    if not answer.header("Index"):
        raise Failed("the head has no Index", "say to which version the answer leads")


@extension("since-unknown", "Where the version is not known, everything is told", section=SECTION)
def everything(server: Server) -> None:
    """Ask since the first version, and since one that the peer never gave."""
    for version in ("0", "a.stranger.s.version.1"):
        answer = server.expect("index", "ok", (f"Since: {version}",))
        if answer.header("Since") is not None:
            raise Failed(f"Since: {version} is repeated", "leave out Since: what comes is everything, not a change")
        own = own_documents(server, documents(server, server.expect("index")))
        told = {line for line in answer.lines if line.count("\t") >= 5}
        if len(told) < len(own):
            raise Failed(f"{len(told)} records came, and the index has {len(own)} of this peer", "tell all of them")


@extension("follow", "With Follow the connection stays, after an answer at once", section="Following an index")
def follow(server: Server) -> None:
    """Follow, read the first answer, and see that the connection is not closed."""
    version = _version(server)
    with server.open() as conversation:
        conversation.send(server.request("index", (f"Since: {version}", "Follow: yes")))
        next_answer(server, conversation, "GET INDEX with Follow")
        conversation.fill(lambda data: False, 0.5)
        if conversation.closed:
            raise Failed("the connection was closed after the first answer", "go on as long as the client is there")


@extension("follow-alone", "Follow without Since, and with another value than yes, is refused", section="Requests")
def follow_alone(server: Server) -> None:
    """Send such requests."""
    for headers in (("Follow: yes",), ("Since: 0", "Follow: no")):
        answer = server.ask("index", headers)
        server.hold(answer, "bad_request", f"GET INDEX with {' and '.join(headers)}")
