"""How the bytes of a request arrive: cut anywhere, byte by byte, with either line end, and with an end behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ..conversation import Lost, Silent
from ..model import Failed, NotOffered, check
from ..server import Server

GROUP = "robustness"
SECTION = "Transport"
PAUSE = 0.01
"""Seconds between two parts, so that each arrives by itself."""
BYTE_PAUSE = 0.001

grouped = partial(check, group=GROUP)


def _in_parts(server: Server, parts: Sequence[bytes], pause: float, what: str) -> None:
    """Send `parts` one after the other; the answer must grant."""
    with server.open() as conversation:
        try:
            conversation.send_parts(parts, pause)
            answer = server.answer(conversation)
        except (Silent, Lost) as error:
            raise Failed(
                f"{what}: {error.seen}",
                "TCP has no messages: collect what comes until the request is whole, however many reads that takes",
            ) from None
    server.hold(answer, "ok", what)


def _cuts(data: bytes) -> Iterator[int]:
    """Yield where to cut: within the first line, and around and between the ends of lines."""
    yield 1
    start = 0
    for line in data.splitlines(keepends=True):
        end = start + len(line)
        yield from (at for at in ((start + end) // 2, end - 1, end) if 1 < at < len(data))
        start = end


@grouped("byte-by-byte", "A request that comes byte by byte is granted", section=SECTION)
def byte_by_byte(server: Server) -> None:
    """Send each byte by itself."""
    data = server.sample()
    _in_parts(server, [data[at : at + 1] for at in range(len(data))], BYTE_PAUSE, "a request sent byte by byte")


@grouped("cut-anywhere", "A request that comes in two parts is granted, wherever it is cut", section=SECTION)
def cut_anywhere(server: Server) -> None:
    """Cut within lines, and around their ends."""
    for at in sorted(set(_cuts(server.sample()))):
        data = server.sample()
        _in_parts(server, (data[:at], data[at:]), PAUSE, f"a request cut after {at} bytes")


def _ended_by(server: Server, end: bytes, name: str) -> None:
    data = server.sample().replace(b"\r\n", b"\n").replace(b"\n", end)
    _in_parts(server, [data], 0, f"a request whose lines end in {name}")


@grouped("takes-lf", "A request whose lines end in LF is granted", section=SECTION)
def takes_lf(server: Server) -> None:
    """Send LF."""
    _ended_by(server, b"\n", "LF")


@grouped("takes-crlf", "A request whose lines end in CRLF is granted", section=SECTION)
def takes_crlf(server: Server) -> None:
    """Send CRLF."""
    _ended_by(server, b"\r\n", "CRLF")


@grouped(
    "half-closed", "A client that closes its sending side after the request gets the answer", section="Connections"
)
def half_closed(server: Server) -> None:
    """Send, and close this side at once."""
    with server.open() as conversation:
        conversation.send(server.sample())
        conversation.end_sending()
        try:
            answer = server.answer(conversation)
        except (Silent, Lost) as error:
            raise Failed(
                f"a client that has closed its sending side: {error.seen}",
                "the end of what a client sends is not the end of the connection: answer before you close",
            ) from None
    server.hold(answer, "ok", "a request whose client has closed its sending side")


@grouped("oversized-refused", "A line beyond the limit is refused at once", section="Limits", mandatory=False)
def oversized_refused(server: Server) -> None:
    """Send a line of twice the limit, without an end."""
    with server.open() as conversation:
        try:
            conversation.send(b"A" * 20_000)
            conversation.fill(lambda data: bool(data))
        except Lost:
            return
        if not conversation.buffer and not conversation.closed:
            raise NotOffered("the server waits for the end of the line", "refuse a line that is too long")
