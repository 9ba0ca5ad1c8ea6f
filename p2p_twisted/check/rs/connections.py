"""Connections of version 1.1: they stay open, requests are pipelined, and each answer says its length."""

from __future__ import annotations

from functools import partial

from ..model import Failed, NotOffered, check
from ..server import Server, quoted
from ..stress.kept_open import expect_closed_after_300, expect_last_in, next_answer
from .dialogue import Peer, register

GROUP = "extensions"
SECTION = "Connections"
LEVEL = "1.1"
NEEDS = ("register", "keepalive")
VERSION, LENGTH = ("answers-in-1.1",), ("answers-in-1.1", "length")
OPEN = (*LENGTH, "kept-open")
"""Checks on which others build."""
MAX_OUTSTANDING = 64

extension = partial(check, group=GROUP, needs=NEEDS, level=LEVEL)


def _with_length(server: Server, peer: Peer) -> bytes:
    """Return a KeepAlive that says how long its data is."""
    data = server.request("keepalive", **peer.fields).partition(b"\n\n")[2]
    return server.request("keepalive", (f"Length: {len(data)}",), **peer.fields)


@extension("answers-in-1.1", "A request in 1.1 is answered in 1.1", section="Versions", needs=("register",))
def answers_in_its_version(server: Server) -> None:
    """Look at the version in the first line."""
    answer = server.expect("register", port=server.new_port())
    if not answer.status.endswith(server.profile.version):
        raise Failed(f"the first line is {quoted(answer)}", f"answer a request in 1.1 with {server.profile.version}")


@extension("length", "Each answer says the length of its body", section="Responses", basis=VERSION)
def length(server: Server) -> None:
    """Compare the length with what comes."""
    with server.open() as conversation:
        conversation.send(server.request("register", port=server.new_port()))
        conversation.end_sending()
        answer = next_answer(server, conversation, "register")
        if answer.header(server.profile.length) is None:
            raise Failed("the head has no Length", "say the number of bytes of the body in every answer")
        if answer.is_cut:
            raise Failed(f"the body is shorter than Length: {len(answer.body)} bytes", "count the bytes of the body")
        conversation.fill(lambda data: False)
        if conversation.buffer:
            raise Failed(
                f"{len(conversation.buffer)} bytes come behind the length", "count all bytes of the body, line ends too"
            )


@extension("kept-open", "The connection stays open after an answer", section=SECTION, basis=LENGTH)
def kept_open(server: Server) -> None:
    """Ask twice on one connection."""
    peer = register(server)
    with server.open() as conversation:
        for what in ("the first request on a connection", "the second request on a connection"):
            conversation.send(server.request("keepalive", **peer.fields))
            next_answer(server, conversation, what)


@extension("pipelined", "Requests that come together are answered in their order", section=SECTION, basis=OPEN)
def pipelined(server: Server) -> None:
    """Send a right, a wrong and a right request in one go."""
    peer = register(server)
    good, bad = _with_length(server, peer), _with_length(server, Peer(peer.cookie, server.new_port()))
    with server.open() as conversation:
        conversation.send(good + bad + good)
        for at, outcome in enumerate(("ok", "not_registered", "ok"), 1):
            next_answer(server, conversation, f"request {at} of three that came together", outcome)


@extension("many-outstanding", "64 requests may be outstanding", section=SECTION, basis=OPEN)
def many_outstanding(server: Server) -> None:
    """Send 64 in one go."""
    peer = register(server)
    with server.open() as conversation:
        conversation.send(_with_length(server, peer) * MAX_OUTSTANDING)
        for at in range(MAX_OUTSTANDING):
            next_answer(server, conversation, f"request {at + 1} of {MAX_OUTSTANDING} that came together")


@extension("cut-pipeline", "Pipelined requests may be cut anywhere", section="Transport", basis=OPEN)
def cut_pipeline(server: Server) -> None:
    """Send two requests in parts of seven bytes."""
    peer = register(server)
    data = _with_length(server, peer) * 2
    with server.open() as conversation:
        conversation.send_parts((data[at : at + 7] for at in range(0, len(data), 7)), 0.002)
        for what in ("the first of two requests in small parts", "the second of two requests in small parts"):
            next_answer(server, conversation, what)


@extension("last-in-1.0", "A request in 1.0 is the last on its connection", section=SECTION, basis=OPEN)
def last_in_1_0(server: Server) -> None:
    """Ask in 1.1, then in 1.0."""
    old = server.profile.also
    if old is None:
        raise NotOffered("the profile has no older version beside it")
    peer = register(server)
    with server.open() as conversation:
        conversation.send(server.request("keepalive", **peer.fields))
        next_answer(server, conversation, "keepalive in 1.1")
        conversation.send(server.spell(old.messages["keepalive"], **peer.fields))
        expect_last_in(conversation, old)


@extension("closes-after-300", "After a refusal with 300 the server closes", section=SECTION, basis=OPEN)
def closes_after_300(server: Server) -> None:
    """Send a bad request, and wait for the end."""
    peer = register(server)
    with server.open() as conversation:
        conversation.send(server.request("keepalive", **peer.fields))
        next_answer(server, conversation, "the request before")  # so that the refusal is one of 1.1
        conversation.send(server.request("keepalive", cookie="abc", port=peer.port))
        next_answer(server, conversation, "a cookie that is no number", "bad_request")
        expect_closed_after_300(conversation)


@extension("end-of-sending", "A client that closes its sending side gets all answers", section=SECTION, basis=OPEN)
def end_of_sending(server: Server) -> None:
    """Send three requests, and close this side."""
    peer = register(server)
    with server.open() as conversation:
        conversation.send(_with_length(server, peer) * 3)
        conversation.end_sending()
        for at in range(3):
            next_answer(server, conversation, f"request {at + 1} of three before the end of sending")


@extension(
    "retry-after",
    "A refusal of a taken address says when to try again",
    section="Register",
    basis=VERSION,
)
def retry_after(server: Server) -> None:
    """Register a new peer where one is active."""
    peer = register(server)
    answer = server.expect("register", "taken", port=peer.port)
    if not (answer.header("Retry-After") or "").isdecimal():
        raise Failed("the head has no Retry-After", "say how many seconds the address is still taken")


@extension("wide-cookies", "Cookies cannot be guessed: 63 random bits in 1.1", section="Register", basis=VERSION)
def wide_cookies(server: Server) -> None:
    """Register eight peers; all cookies below 2^53 would be one chance in 2^80."""
    cookies = sorted(int(register(server).cookie) for _ in range(8))
    if cookies[-1] >= 2**63:
        raise Failed(f"the cookie {cookies[-1]} is above 2^63 - 1", "draw 63 random bits")
    if cookies[-1] < 2**53:
        raise Failed(f"the largest of eight cookies is {cookies[-1]}", "draw 63 random bits, from a source for secrets")
