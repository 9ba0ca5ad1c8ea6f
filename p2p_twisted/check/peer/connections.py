"""Connections of version 1.1 to a peer: they stay open, requests are pipelined, and each answer says its length."""

from __future__ import annotations

from functools import partial

from ..answers import read_answer
from ..model import Failed, NotOffered, check
from ..server import Server, quoted
from ..stress.kept_open import expect_closed_after_300, expect_last_in, next_answer
from .dialogue import LENGTH, OPEN, VERSION, a_document, missing

GROUP = "extensions"
SECTION = "Connections"
LEVEL = "1.1"
NEEDS = ("index", "file")
MAX_OUTSTANDING = 64

extension = partial(check, group=GROUP, needs=NEEDS, level=LEVEL)


def _file(server: Server) -> bytes:
    """Return a request for a document that the peer has, with the length of its data."""
    fields = a_document(server).fields
    data = server.request("file", **fields).partition(b"\n\n")[2]
    return server.request("file", (f"Length: {len(data)}",), **fields)


@extension("answers-in-1.1", "A request in 1.1 is answered in 1.1", section="Versions")
def answers_in_its_version(server: Server) -> None:
    """Look at the version in the first line."""
    answer = server.expect("index")
    if not answer.status.endswith(server.profile.version):
        raise Failed(f"the first line is {quoted(answer)}", f"answer a request in 1.1 with {server.profile.version}")


@extension("length", "Each answer says the length of its body", section="Responses", basis=VERSION)
def length(server: Server) -> None:
    """Compare the lengths of an index, a document and a refusal with what comes."""
    document = a_document(server)
    for what, data in (
        ("the index", server.request("index")),
        (str(document), server.request("file", **document.fields)),
        ("a refusal", server.request("file", **missing())),
    ):
        _length(server, what, data)


def _length(server: Server, what: str, data: bytes) -> None:
    with server.open() as conversation:
        conversation.send(data)
        conversation.end_sending()
        answer = read_answer(conversation, server.profile)
        said = answer.header(server.profile.length)
        if said is None:
            raise Failed(f"the head of {what} has no Length", "say the number of bytes of the body in every answer")
        if answer.is_cut:
            raise Failed(
                f"the body of {what} has {len(answer.body)} bytes, and its Length is {said}",
                "count the bytes of the body",
            )
        conversation.fill(lambda data: False)
        if conversation.buffer:
            raise Failed(
                f"{len(conversation.buffer)} bytes come behind the Length of {what}",
                "count all bytes of the body, line ends too",
            )


@extension("kept-open", "The connection stays open after an answer", section=SECTION, basis=LENGTH)
def kept_open(server: Server) -> None:
    """Ask for the index, a document and the index on one connection."""
    with server.open() as conversation:
        for at, data in enumerate((server.request("index"), _file(server), server.request("index")), 1):
            conversation.send(data)
            next_answer(server, conversation, f"request {at} on one connection")


@extension("pipelined", "Requests that come together are answered in their order", section=SECTION, basis=OPEN)
def pipelined(server: Server) -> None:
    """Send a request for what is there, for what is not, and for what is there, in one go."""
    good, data = _file(server), server.request("file", **missing())
    with server.open() as conversation:
        conversation.send(good + data + good)
        for at, outcome in enumerate(("ok", "not_found", "ok"), 1):
            next_answer(server, conversation, f"request {at} of three that came together", outcome)


@extension("many-outstanding", "64 requests may be outstanding", section=SECTION, basis=OPEN)
def many_outstanding(server: Server) -> None:
    """Send 64 in one go."""
    with server.open() as conversation:
        conversation.send(server.request("file", **missing()) * MAX_OUTSTANDING)
        for at in range(MAX_OUTSTANDING):
            next_answer(server, conversation, f"request {at + 1} of {MAX_OUTSTANDING} that came together", "not_found")


@extension("last-in-1.0", "A request in 1.0 is the last on its connection", section=SECTION, basis=OPEN)
def last_in_1_0(server: Server) -> None:
    """Ask in 1.1, then in 1.0."""
    old = server.profile.also
    if old is None:
        raise NotOffered("the profile has no older version beside it")
    with server.open() as conversation:
        conversation.send(_file(server))
        next_answer(server, conversation, "a request in 1.1")
        conversation.send(server.spell(old.messages["index"]))
        expect_last_in(conversation, old)


@extension("closes-after-300", "After a refusal with 300 the server closes", section=SECTION, basis=OPEN)
def closes_after_300(server: Server) -> None:
    """Send a bad request and a good one."""
    bad = server.request("index").replace(b"INDEX", b"NOTHING")
    with server.open() as conversation:
        conversation.send(bad + _file(server))
        next_answer(server, conversation, "a request for GET NOTHING", "bad_request")
        expect_closed_after_300(conversation)
