"""GET INDEX: what the peer knows."""

from __future__ import annotations

from ..model import CannotTell, Failed, check
from ..server import Server
from ..transcript import shown
from .dialogue import NO_DOCUMENT, documents, own_documents

GROUP = "index"
SECTION = "GET INDEX"
NEEDS = ("index",)


@check("index", "A request for the index is granted", group=GROUP, section=SECTION, needs=NEEDS)
def granted(server: Server) -> None:
    """Ask for the index."""
    server.expect("index")


@check("index-records", "Each line of the index is a record", group=GROUP, section="Index records", needs=NEEDS)
def records(server: Server) -> None:
    """Read the records."""
    answer = server.expect("index")
    found, wanted = documents(server, answer), server.profile.bodies.get("index", "a line with the number of the RFC")
    if len(found) < len(answer.lines):
        names = {tuple(one.record) for one in found}
        wrong = next((line for line in answer.lines if tuple(line.split("\t")) not in names), "")
        raise Failed(
            f"{len(answer.lines) - len(found)} of {len(answer.lines)} lines are no records, such as "
            f"'{shown(wrong.encode()[:60])}'",
            f"each line must be '{wanted}'",
        )
    if not found:
        raise CannotTell("the index is empty", NO_DOCUMENT)


@check("index-own", "The index has the peer's own documents", group=GROUP, section="Index records", needs=NEEDS)
def own(server: Server) -> None:
    """Look for a record with the peer's own port, if records have ports."""
    found = documents(server, server.expect("index"))
    if not found:
        raise CannotTell("the index is empty", NO_DOCUMENT)
    if not own_documents(server, found):
        raise Failed(
            f"no record has the port {server.target.port}, at which the peer is checked; the first is '{found[0]}'",
            "put the address and port into a record at which others reach the holder",
        )


@check("index-twice", "The index can be asked for again", group=GROUP, section=SECTION, needs=NEEDS)
def twice(server: Server) -> None:
    """Ask twice, and compare the documents."""
    first, second = ({str(one) for one in documents(server, server.expect("index"))} for _ in range(2))
    if first != second:
        raise Failed(
            f"the second answer has {len(second)} documents, the first had {len(first)}",
            "read the index anew for each request: a list that was read to its end stays empty",
        )
