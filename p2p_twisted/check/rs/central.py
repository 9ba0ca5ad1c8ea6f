"""A server with a central index: peers add what they have, look up and list; closing the connection is leaving."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..answers import Answer
from ..conversation import Conversation, Lost, Silent
from ..model import Failed, check
from ..profile import matches
from ..server import Server
from ..transcript import shown

GROUP = "index"
SECTION = "Central index"
TITLE = "A Title of Some Words"
ADD = ("add",)
NEVER_ADDED = 8_999_999

grouped = partial(check, group=GROUP, section=SECTION)


def _ask(server: Server, conversation: Conversation, message: str, outcome: str = "ok", **fields: Any) -> Answer:
    """Send `message` on `conversation`; return the answer. Raises Failed if its status is not that of `outcome`."""
    conversation.send(server.request(message, **{"title": TITLE, **fields}))
    return server.hold(server.answer(conversation), outcome, message)


def _added(server: Server, number: int) -> tuple[Conversation, int]:
    """Add the RFC `number` as a new peer; return its connection and port."""
    conversation, port = server.open(), server.new_port()
    _ask(server, conversation, "add", number=number, port=port)
    return conversation, port


def _new_number(server: Server) -> int:
    """Return a number that no RFC has that was added in this run."""
    return 100_000 + server.new_port()


def _holders(answer: Answer, number: int) -> list[str]:
    return [line for line in answer.lines if str(number) in line.split()]


@grouped("add", "ADD is granted, and repeats what was added", needs=ADD)
def add(server: Server) -> None:
    """Add an RFC."""
    number, port, conversation = _new_number(server), server.new_port(), server.open()
    answer = _ask(server, conversation, "add", number=number, port=port)
    template = server.profile.bodies.get("add", "")
    wanted = f"RFC {number} {TITLE} {server.own_host} {port}"
    lines = [line for line in answer.lines if line.strip()]
    if template and (len(lines) != 1 or not matches(template, lines[0]) or str(port) not in lines[0]):
        got = f"'{shown(lines[0].encode()[:80])}'" if lines else "nothing"
        raise Failed(f"the data of the answer is {got}", f"it must be '{wanted}'")


@grouped("lookup", "LOOKUP finds each peer that has added the RFC", needs=("add", "lookup"))
def lookup(server: Server) -> None:
    """Add an RFC as two peers, and look it up as a third."""
    number = _new_number(server)
    ports = [port for _, port in (_added(server, number), _added(server, number))]
    answer = _ask(server, server.open(), "lookup", number=number, port=server.new_port())
    found = _holders(answer, number)
    for port in ports:
        if not any(str(port) in line.split() for line in found):
            raise Failed(f"one of two peers that have the RFC is not among the {len(found)} found", "list every holder")


@grouped("lookup-unknown", "LOOKUP of an RFC that nobody has is not found", needs=("add", "lookup"))
def lookup_unknown(server: Server) -> None:
    """Look up what was never added."""
    _ask(server, server.open(), "lookup", "not_found", number=NEVER_ADDED, port=server.new_port())


@grouped("list", "LIST has every RFC of every peer", needs=("add", "list"))
def list_all(server: Server) -> None:
    """Add RFCs as two peers, and list as a third."""
    numbers = [_new_number(server), _new_number(server)]
    for number in numbers:
        _added(server, number)
    answer = _ask(server, server.open(), "list", port=server.new_port())
    for number in numbers:
        if not _holders(answer, number):
            raise Failed("the list lacks an RFC that was added", "list every RFC of every peer that is connected")


@grouped("stays-open", "A connection stays open for further requests", needs=ADD)
def stays_open(server: Server) -> None:
    """Add three RFCs on one connection."""
    conversation, port = server.open(), server.new_port()
    for at in range(3):
        try:
            _ask(server, conversation, "add", number=_new_number(server), port=port)
        except (Silent, Lost) as error:
            raise Failed(
                f"request {at + 1} on a connection: {error.seen}", "read the next request after each answer"
            ) from None


@grouped("closing-leaves", "Who closes the connection has left", needs=("add", "lookup"))
def closing_leaves(server: Server) -> None:
    """Add, close, and look up as another."""
    number = _new_number(server)
    conversation, _ = _added(server, number)
    conversation.close()
    server.pause(0.2)
    _ask(server, server.open(), "lookup", "not_found", number=number, port=server.new_port())


@grouped("version", "A version that the server does not know has its own status", needs=ADD)
def version(server: Server) -> None:
    """Ask in a version that nobody knows."""
    text = server.profile.messages["add"].replace(server.profile.version, f"{server.profile.version[:-1]}9", 1)
    answer = server.exchange(server.spell(text, number=_new_number(server), port=server.new_port()))
    server.hold(answer, "version", "a request in a version that does not exist")
