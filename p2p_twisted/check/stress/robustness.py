"""Bad clients: whatever they send, and wherever they break off, the server goes on serving honest ones."""

from __future__ import annotations

import random
from contextlib import suppress
from functools import partial

from ..answers import read_answer
from ..conversation import Conversation, Gone, Lost, Silent
from ..model import Failed, check
from ..server import Server, quoted

GROUP = "robustness"
SECTION = "Connections"
SHORT = 0.1
"""Share of the timeout that a bad client waits for an answer that need not come."""
BIG = 1_000_000
"""Bytes of what is too big."""
SEED = 7

FIRST_LINES = (
    *("POST REGISTER P2P-DI/1.0", "GET Register P2P-DI/1.0", "REG P2P-DI/1.0"),
    *("Register P2P-DI/1.0", "register h HTTP/1.1", "Register PORT 4394 P2P-DI/1.0", "REG 1 4394"),
    *("REGISTER P2P-DI/1.0 Host: h Port: 4394 ", "Register###OK###127.0.0.1###WelcomePort###4394######"),
    *("'method':'Register'<crlf>'port':'4394'<crlf>", "GET<sp>doc<sp>P2P-DI/1.0<cr><lf>"),
    *("Register(%^&***)NULL(%^&***)P2P_DI_1.0", "SHUTDOWN NULL P2P_DI_1.0", '["Register", 4394]'),
)
"""First lines of programs that speak a dialect of their own."""
FRAMED = (
    b"\x00\x08Register",
    b"0000000008Register",
    b"\x00Register NULL P2P_DI_1.0\n",
    b"\x80\x04\x95\x0b\x00\x00\x00.",
)
"""Starts of messages that are framed by a length, begin with a zero byte, or are a pickle."""

grouped = partial(check, group=GROUP)


def _abuse(server: Server, data: bytes, what: str) -> None:
    """Send `data`, which is no request. It may be refused or not be answered, but not be granted."""
    with server.open() as conversation:
        with suppress(Lost, Silent):
            conversation.send(data)
        conversation.timeout *= SHORT
        try:
            answer = read_answer(conversation, server.profile)
        except (Lost, Silent):
            return
    if b"Traceback (most recent call last)" in answer.raw:
        raise Failed(f"{what} was answered by a traceback", "catch the error, refuse the request, and close")
    if answer.code == server.profile.codes["ok"]:
        raise Failed(f"{what} was answered {quoted(answer)}", "grant only requests that are right in every line")


def _still_serves(server: Server, after: str) -> None:
    """Raise Failed if an honest client is not served."""
    try:
        answer = server.exchange(server.sample())
    except (Gone, Lost, Silent) as error:
        raise Failed(
            f"after {after}, an honest client is not served: {error.seen}",
            "let an error in one connection end that connection only",
        ) from None
    server.hold(answer, "ok", f"an honest client, after {after},")


@grouped("empty-connection", "A connection that is closed without a word does no harm", section=SECTION)
def empty_connection(server: Server) -> None:
    """Connect and close; connect and reset."""
    server.open().close()
    server.open().reset()
    _still_serves(server, "connections that were closed without a word")


@grouped("broken-off", "A request that is broken off does no harm", section=SECTION)
def broken_off(server: Server) -> None:
    """Close in the middle of a request, at several places."""
    data = server.sample()
    for at in (5, data.index(b"\n") + 1, len(data) // 2, len(data) - 3):
        with server.open() as conversation:
            conversation.send(data[:at])
            conversation.end_sending()
            _drain(conversation)
    _still_serves(server, "requests that were broken off")


@grouped("reset", "A connection that is reset does no harm", section=SECTION)
def reset(server: Server) -> None:
    """Reset in the middle of a request, and instead of reading the answer."""
    data = server.sample()
    for part in (data[: len(data) // 2], data):
        conversation = server.open()
        conversation.send(part)
        conversation.reset()
    _still_serves(server, "connections that were reset")


def _drain(conversation: Conversation) -> None:
    with suppress(Lost):
        conversation.fill(lambda data: False, conversation.timeout * SHORT)


@grouped("dialects", "Requests of other dialects are not granted, and do no harm", section="Status codes")
def dialects(server: Server) -> None:
    """Send the first lines of other programs."""
    for line in FIRST_LINES:
        _abuse(server, f"{line}\n\n".encode(), f"'{line}'")
    _still_serves(server, "requests of other dialects")


@grouped("http", "A request of HTTP is not granted, and does no harm", section="Status codes")
def http(server: Server) -> None:
    """Ask as a browser does."""
    _abuse(server, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n", "a request of HTTP")
    _still_serves(server, "a request of HTTP")


@grouped("long-line", "A line without end does no harm", section="Limits")
def long_line(server: Server) -> None:
    """Send a megabyte without a line end."""
    _abuse(server, b"A" * BIG, "a line of a megabyte")
    _still_serves(server, "a line of a megabyte")


@grouped("many-headers", "A head of thousands of lines does no harm", section="Limits")
def many_headers(server: Server) -> None:
    """Put ten thousand header lines behind the first line of a request."""
    first = server.sample().partition(b"\n")[0]
    _abuse(server, first + b"\n" + b"X-Header: value\n" * 10_000, "a head of ten thousand lines")
    _still_serves(server, "a head of ten thousand lines")


@grouped("garbage", "Garbage does no harm", section=SECTION)
def garbage(server: Server) -> None:
    """Send messages in binary frames, bytes by chance, without and with ends of lines, and zero bytes."""
    chance = random.Random(SEED)
    data = chance.randbytes(4096)
    for sent in (*FRAMED, data.replace(b"\n", b""), data, bytes(4096), b"\n" * 1000, b"\r\n\r\n"):
        _abuse(server, sent, "garbage")
    _still_serves(server, "garbage")


@grouped("not-utf8", "Bytes that are not UTF-8 do no harm", section=SECTION)
def not_utf8(server: Server) -> None:
    """Put such bytes into a request that is otherwise right."""
    data = server.sample()
    end = data.index(b"\n")
    _abuse(server, data[:end] + b"\xff\xfe\xc3\x28" + data[end:], "a first line with bytes that are not UTF-8")
    _still_serves(server, "bytes that are not UTF-8")
