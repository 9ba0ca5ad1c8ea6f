"""The small messages between peers of 1.1, and headers."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from ..model import CannotTell, Failed, check
from ..server import Server, quoted
from .dialogue import LENGTH, listed_document

GROUP = "extensions"
LEVEL = "1.1"
FIELDS_OF_FOUND = 14

extension = partial(check, group=GROUP, level=LEVEL, basis=LENGTH)


def _nothing(server: Server, message: str, **fields: Any) -> None:
    """Send `message`, which is granted with an empty body."""
    answer = server.expect(message, **fields)
    if answer.body:
        raise Failed(f"the answer to {message} has {len(answer.body)} bytes of data", "its body is empty")


@extension("hello", "Hello is granted", section="Hello", needs=("hello",))
def hello(server: Server) -> None:
    """Say Hello as a peer that does not exist."""
    _nothing(server, "hello", port=server.new_port())


@extension("cancel", "CANCEL FILE is granted", section="CANCEL FILE", needs=("cancel",))
def cancel(server: Server) -> None:
    """Cancel what was not asked for."""
    _nothing(server, "cancel", hash="0" * 64, range="0-1")


@extension("turn", "GET TURN is answered", section="GET TURN", needs=("turn",))
def turn(server: Server) -> None:
    """Ask for a turn, which is given or not."""
    answer = server.ask("turn")
    if answer.code == server.profile.codes["not_found"]:
        return
    server.hold(answer, "ok", "turn")
    if not re.fullmatch(r"[1-9]\d*", answer.header("Turns") or ""):
        raise Failed(f"the answer {quoted(answer)} has no Turns", "say how many pieces may be asked for")


@extension("sources", "GET SOURCES names other downloaders", section="GET SOURCES", needs=("index", "sources"))
def sources(server: Server) -> None:
    """Ask twice, the second time as another peer; nobody has anything of the file without content."""
    document = listed_document(server)
    answer = server.expect("sources", hash=document.sha256, port=server.new_port())
    wrong = [line for line in answer.lines if not re.fullmatch(r"\S+ \d{1,5}", line)]
    if wrong:
        raise Failed(f"a line of the answer is '{wrong[0][:60]}'", "each line is an address and a port")
    server.expect("sources", "not_found", hash="0" * 64, port=server.new_port())


@extension("search", "SEARCH INDEX is answered", section="SEARCH INDEX", needs=("search",))
def search(server: Server) -> None:
    """Search for what the name of a document has."""
    document = listed_document(server)
    words = re.findall(r"[a-z0-9]{2,}", str(document).lower())
    if not words:
        raise CannotTell(f"the name of {document} has no word to search for")
    answer = server.ask("search", title=f"name:{words[0]}")
    if answer.code == 403:
        raise CannotTell("the peer searches nothing, or nothing at the moment")
    server.hold(answer, "ok", "search")
    wrong = [line for line in answer.lines if line.count("\t") != FIELDS_OF_FOUND - 1]
    if wrong:
        fields = wrong[0].count("\t") + 1
        raise Failed(f"a line of the answer has {fields} fields", f"a document that was found has {FIELDS_OF_FOUND}")


@extension("unknown-header", "A header that is unknown is passed over", section="Requests", needs=("index",))
def unknown_header(server: Server) -> None:
    """Send one."""
    server.expect("index", "ok", ("Colour: blue", "since: x"))


@extension(
    "bad-headers", "A header that comes twice, or has a wrong value, is refused", section="Requests", needs=("index",)
)
def bad_headers(server: Server) -> None:
    """Send such headers."""
    for headers in (("Since: 0", "Since: 0"), ("Since: a b",), ("Length: +0",), ("Length: -1",), ("Hearsay: no",)):
        answer = server.ask("index", headers)
        server.hold(answer, "bad_request", f"GET INDEX with {' and '.join(headers)}")
