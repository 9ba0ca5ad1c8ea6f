"""Documents sent to several clients at once, and to clients that break off."""

from __future__ import annotations

from ..conversation import Lost, Silent
from ..model import Failed, check
from ..server import Server
from .dialogue import a_document

NEEDS = ("file",)
MEND = "send each file in a thread or task of its own, and let an error there end that connection only"


def _fetched(server: Server, who: str) -> None:
    """Let an honest client fetch a document."""
    document = a_document(server)
    try:
        answer = server.ask("file", **document.fields)
    except (Lost, Silent) as error:
        raise Failed(f"{who}: {error.seen}", MEND) from None
    server.hold(answer, "ok", who)


@check(
    "slow-downloads",
    "Two clients that do not read the document that they asked for keep nobody waiting",
    group="concurrency",
    section="Connections",
    needs=NEEDS,
)
def slow(server: Server) -> None:
    """Ask twice, read nothing while another fetches, and then read."""
    request = server.request("file", **a_document(server).fields)
    slow = [server.open() for _ in range(2)]
    for conversation in slow:
        conversation.send(request)
    _fetched(server, "an honest client, while two others do not read what they asked for")
    for conversation in slow:
        server.hold(server.answer(conversation), "ok", "a client that has read its document late")


@check(
    "download-broken-off",
    "A download that is broken off does no harm",
    group="robustness",
    section="Connections",
    needs=NEEDS,
)
def broken_off(server: Server) -> None:
    """Ask for a document, and reset the connection at once and after the first bytes."""
    request = server.request("file", **a_document(server).fields)
    for wanted in (0, 1):
        conversation = server.open()
        conversation.send(request)
        if wanted:
            conversation.fill(bool)
        conversation.reset()
    _fetched(server, "an honest client, after downloads that were broken off")
