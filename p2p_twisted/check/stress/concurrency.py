"""Several clients at once: one that is slow must not keep others from their answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ..conversation import Conversation, Lost, Silent
from ..model import Failed, check
from ..server import Server

GROUP = "concurrency"
SECTION = "Connections"
MANY = 20
"""Clients at once."""
MEND = "serve each connection by itself, in a thread or a task of its own or with select, and wait for none of them"

grouped = partial(check, group=GROUP, section=SECTION)


def _halves(data: bytes) -> tuple[bytes, bytes]:
    return data[: len(data) // 2], data[len(data) // 2 :]


def _answered(server: Server, conversation: Conversation, who: str) -> None:
    """Read an answer, which must grant. Raises Failed, naming `who` did not get it."""
    try:
        answer = server.answer(conversation)
    except (Silent, Lost) as error:
        raise Failed(f"{who}: {error.seen}", MEND) from None
    server.hold(answer, "ok", who)


def _honest(server: Server, who: str) -> None:
    """Let an honest client ask, and get its answer, while others are connected."""
    with server.open() as conversation:
        conversation.send(server.sample())
        _answered(server, conversation, who)


def _all_answered(server: Server, conversations: Sequence[Conversation], who: str) -> None:
    for conversation in conversations:
        _answered(server, conversation, who)


@grouped("two-at-once", "Two slow clients at once are both answered")
def two_at_once(server: Server) -> None:
    """Send two halves, and then the other halves, the second client first."""
    requests = [_halves(server.sample()) for _ in range(2)]
    first, second = server.open(), server.open()
    first.send(requests[0][0])
    second.send(requests[1][0])
    second.send(requests[1][1])
    _answered(server, second, "a client whose request is whole, while another has sent half of one")
    first.send(requests[0][1])
    _answered(server, first, "the client that has sent its request in two halves")


@grouped("stalled-client", "A client that stalls in its request keeps nobody waiting")
def stalled_client(server: Server) -> None:
    """Stall after the first line, while an honest client asks."""
    stalled, data = server.open(), server.sample()
    end = data.index(b"\n") + 1
    stalled.send(data[:end])
    _honest(server, "an honest client, while another has stalled in its request")
    stalled.send(data[end:])
    _answered(server, stalled, "the client that had stalled, after the rest of its request")


@grouped("silent-connections", "Connections that say nothing keep nobody waiting")
def silent_connections(server: Server) -> None:
    """Make connections, say nothing on them, and let an honest client ask."""
    for _ in range(MANY // 2):
        server.open()
    _honest(server, f"an honest client, while {MANY // 2} others are connected and say nothing")


@grouped("slow-readers", "Two clients that do not read their answers keep nobody waiting")
def slow_readers(server: Server) -> None:
    """Ask twice, read nothing while an honest client asks, and then read."""
    slow = [server.open(), server.open()]
    for conversation in slow:
        conversation.send(server.sample())
    _honest(server, "an honest client, while two others do not read their answers")
    _all_answered(server, slow, "a client that has read its answer late")


@grouped("many-at-once", "Many clients at once are all answered")
def many_at_once(server: Server) -> None:
    """Connect all, send all, read all."""
    conversations = [server.open() for _ in range(MANY)]
    for conversation in conversations:
        conversation.send(server.sample())
    _all_answered(server, conversations, f"one of {MANY} clients at once")
