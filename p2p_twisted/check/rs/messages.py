"""Each message of an RS, and the form of its answers."""

from __future__ import annotations

import re
from typing import Any

from ..answers import Answer, is_exact_status, read_answer
from ..conversation import Silent
from ..model import CannotTell, Failed, check
from ..profile import pattern
from ..server import Server, quoted
from ..transcript import shown
from .dialogue import listed, register, require_body

GROUP = "messages"
REGISTER = ("register",)
ALL_FOUR = ("register", "keepalive", "pquery", "leave")


def _first(server: Server) -> Answer:
    return server.ask("register", port=server.new_port())


@check(
    "register", "Register without a cookie is granted, and gives one", group=GROUP, section="Register", needs=REGISTER
)
def granted(server: Server) -> None:
    """Register a peer."""
    peer = register(server)
    if not 0 <= int(peer.cookie) < 2**63:
        raise Failed(f"the cookie is {peer.cookie}", "a cookie is a number below 2^63, for a client of 1.0 below 2^31")


@check(
    "without-eof",
    "The answer comes as soon as the last line of the request is in",
    group=GROUP,
    section="Connections",
    needs=REGISTER,
)
def without_eof(server: Server) -> None:
    """Keep the sending side open, and wait."""
    with server.open() as conversation:
        conversation.send(server.request("register", port=server.new_port()))
        try:
            read_answer(conversation, server.profile)
        except Silent as silent:
            conversation.end_sending()
            try:
                read_answer(conversation, server.profile)
            except Failed:
                raise silent from None
            raise Failed(
                "the answer came only after the client had closed its sending side",
                "count the lines: the request is over with its last line; do not read until the end of the stream",
            ) from None


@check(
    "status-line", "The first line of an answer is spelled exactly", group=GROUP, section="Responses", needs=REGISTER
)
def status_line(server: Server) -> None:
    """Look at the first line."""
    answer, profile = _first(server), server.profile
    if not is_exact_status(answer, profile):
        code = answer.code or profile.codes["ok"]
        wanted = profile.status.replace("{code}", str(code)).replace("{version}", profile.version)
        wanted = wanted.replace("{phrase}", profile.phrases.get(code, "{phrase}"))
        raise Failed(f"the first line is {quoted(answer)}", f"it must be '{wanted}'")


@check(
    "answer-head", "The head of an answer has the lines it must have", group=GROUP, section="Responses", needs=REGISTER
)
def answer_head(server: Server) -> None:
    """Look at the lines between the first and the empty one."""
    answer, profile = _first(server), server.profile
    patterns = [pattern(line, profile.version) for line in profile.headers]
    for at, wanted in enumerate(profile.headers):
        if at >= len(answer.headers) or patterns[at].fullmatch(answer.headers[at]) is None:
            got = f"'{shown(answer.headers[at].encode()[:60])}'" if at < len(answer.headers) else "missing"
            raise Failed(f"line {at + 2} of the answer is {got}", f"it must be '{wanted}'")
    more = answer.headers[len(profile.headers) :]
    if more and profile.only_headers:
        raise Failed(
            f"the head goes on with '{shown(more[0].encode()[:60])}'",
            f"send {len(profile.headers) + 1} lines and the empty one, nothing more: clients count the lines",
        )


@check("empty-line", "An empty line ends the head of an answer", group=GROUP, section="Responses", needs=REGISTER)
def empty_line(server: Server) -> None:
    """Look for the empty line."""
    answer = _first(server)
    if not answer.has_empty_line:
        raise Failed("no empty line follows the head", "send an empty line before the data, also if there is no data")


@check("line-ends", "The lines of an answer end as they must", group=GROUP, section="Responses", needs=REGISTER)
def line_ends(server: Server) -> None:
    """Look at the bytes that end lines."""
    answer, wanted = _first(server), server.profile.answer_line_end
    bare = len(re.findall(rb"(?<!\r)\n", answer.raw))
    crlf = answer.raw.count(b"\r\n")
    if wanted == "lf" and crlf:
        raise Failed(f"{crlf} lines of the answer end in CRLF", "end lines with LF (0x0A) alone")
    if wanted == "crlf" and bare:
        raise Failed(f"{bare} lines of the answer end in LF alone", "end each line with CRLF (0x0D 0x0A)")
    if not answer.raw.endswith(b"\n"):
        raise Failed("the last line of the answer has no end", "end every line, the last one too")


@check(
    "closes", "The server closes the connection after its answer", group=GROUP, section="Connections", needs=REGISTER
)
def closes(server: Server) -> None:
    """Wait for the end of the connection."""
    if server.profile.stays_open:
        raise CannotTell("connections of this profile stay open")
    with server.open() as conversation:
        conversation.send(server.request("register", port=server.new_port()))
        if not server.answer(conversation).closed:
            raise Failed(
                "the connection stays open after the answer",
                "close the socket once the answer is sent: the client reads until then",
            )


@check("register-data", "The data of a granted Register is its cookie", group=GROUP, section="Register", needs=REGISTER)
def register_data(server: Server) -> None:
    """Look at the data."""
    require_body(server, "register", server.expect("register", port=server.new_port()))


@check(
    "keepalive",
    "KeepAlive of a registered peer is granted",
    group=GROUP,
    section="KeepAlive",
    needs=("register", "keepalive"),
)
def keepalive(server: Server) -> None:
    """Register, and renew."""
    server.expect("keepalive", **register(server).fields)


@check(
    "keepalive-data",
    "The answer to KeepAlive says the TTL",
    group=GROUP,
    section="KeepAlive",
    needs=("register", "keepalive"),
)
def keepalive_data(server: Server) -> None:
    """Look at the data."""
    require_body(server, "keepalive", server.expect("keepalive", **register(server).fields))


@check("pquery", "PQuery lists the active peers", group=GROUP, section="PQuery", needs=("register", "pquery"))
def pquery(server: Server) -> None:
    """Register two peers; each must be on the other's list, with one line."""
    first, second = register(server), register(server)
    for asker, other in ((first, second), (second, first)):
        times = listed(server, asker).count(other.port)
        if times != 1:
            raise Failed(f"another peer that is active is on the list {times} times", "give each active peer one line")


@check(
    "pquery-asker",
    "PQuery lists the asker, or does not, as the profile says",
    group=GROUP,
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


@check(
    "pquery-data",
    "Each line of the list is an address and a port",
    group=GROUP,
    section="PQuery",
    needs=("register", "pquery"),
)
def pquery_data(server: Server) -> None:
    """Look at the data."""
    peer = register(server)
    register(server)
    require_body(server, "pquery", server.expect("pquery", **peer.fields))


@check("leave", "Leave of a registered peer is granted", group=GROUP, section="Leave", needs=("register", "leave"))
def leave(server: Server) -> None:
    """Register, and leave."""
    server.expect("leave", **register(server).fields)


@check(
    "leave-data", "The data of a granted Leave is its text", group=GROUP, section="Leave", needs=("register", "leave")
)
def leave_data(server: Server) -> None:
    """Look at the data."""
    require_body(server, "leave", server.expect("leave", **register(server).fields))


@check(
    "spellings",
    "Every spelling of a request that is right is understood",
    group=GROUP,
    section="Requests",
    needs=REGISTER,
)
def spellings(server: Server) -> None:
    """Send each spelling of the profile's table `same`."""
    if not server.profile.same:
        raise CannotTell("the profile has no other spellings")
    known = register(server)
    for change in server.profile.same:
        text = server.profile.messages[change.message].replace(change.old, change.put)
        fields: dict[str, Any] = {"port": server.new_port()} if change.message == "register" else known.fields
        server.hold(server.exchange(server.spell(text, **fields)), "ok", f"a request with {change.name}")
