"""The form of an answer, whatever was asked: its first line, its head, the ends of its lines and its own end."""

from __future__ import annotations

import re

from ..answers import is_exact_status, read_answer
from ..conversation import Silent
from ..model import Failed, NotOffered, check
from ..profile import matches
from ..server import Server, quoted
from ..transcript import shown

GROUP = "messages"


@check(
    "without-eof",
    "The answer comes as soon as the last line of the request is in",
    group=GROUP,
    section="Connections",
)
def without_eof(server: Server) -> None:
    """Keep the sending side open, and wait."""
    with server.open() as conversation:
        conversation.send(server.sample())
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


@check("status-line", "The first line of an answer is spelled exactly", group=GROUP, section="Responses")
def status_line(server: Server) -> None:
    """Look at the first line."""
    answer, profile = server.exchange(server.sample()), server.profile
    if not is_exact_status(answer, profile):
        code = answer.code or profile.codes["ok"]
        wanted = profile.status.replace("{code}", str(code)).replace("{version}", profile.version)
        wanted = wanted.replace("{phrase}", profile.phrases.get(code, "{phrase}"))
        raise Failed(f"the first line is {quoted(answer)}", f"it must be '{wanted}'")


@check("answer-head", "The head of an answer has the lines it must have", group=GROUP, section="Responses")
def answer_head(server: Server) -> None:
    """Look at the lines between the first and the empty one."""
    answer, profile = server.exchange(server.sample()), server.profile
    for at, wanted in enumerate(profile.headers):
        if at >= len(answer.headers) or not matches(wanted, answer.headers[at], profile.version):
            got = f"'{shown(answer.headers[at].encode()[:60])}'" if at < len(answer.headers) else "missing"
            raise Failed(f"line {at + 2} of the answer is {got}", f"it must be '{wanted}'")
    more = answer.headers[len(profile.headers) :]
    if more and profile.only_headers:
        raise Failed(
            f"the head goes on with '{shown(more[0].encode()[:60])}'",
            f"send {len(profile.headers) + 1} lines and the empty one, nothing more: clients count the lines",
        )


@check("empty-line", "An empty line ends the head of an answer", group=GROUP, section="Responses")
def empty_line(server: Server) -> None:
    """Look for the empty line."""
    answer = server.exchange(server.sample())
    if not answer.has_empty_line:
        raise Failed("no empty line follows the head", "send an empty line before the data, also if there is no data")


@check("line-ends", "The lines of an answer end as they must", group=GROUP, section="Responses")
def line_ends(server: Server) -> None:
    """Look at the bytes that end lines."""
    answer, wanted = server.exchange(server.sample()), server.profile.answer_line_end
    bare = len(re.findall(rb"(?<!\r)\n", answer.raw))
    crlf = answer.raw.count(b"\r\n")
    if wanted == "lf" and crlf:
        raise Failed(f"{crlf} lines of the answer end in CRLF", "end lines with LF (0x0A) alone")
    if wanted == "crlf" and bare:
        raise Failed(f"{bare} lines of the answer end in LF alone", "end each line with CRLF (0x0D 0x0A)")
    if not answer.raw.endswith(b"\n"):
        raise Failed("the last line of the answer has no end", "end every line, the last one too")


@check("closes", "The server closes the connection after its answer", group=GROUP, section="Connections")
def closes(server: Server) -> None:
    """Wait for the end of the connection."""
    if server.profile.stays_open:
        raise NotOffered("connections of this profile stay open")
    with server.open() as conversation:
        conversation.send(server.sample())
        if not server.answer(conversation).closed:
            raise Failed(
                "the connection stays open after the answer",
                "close the socket once the answer is sent: the client reads until then",
            )
