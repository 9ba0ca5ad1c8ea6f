"""GET FILE: the documents."""

from __future__ import annotations

from ..model import CannotTell, Failed, check
from ..server import Server
from .dialogue import a_document, documents, missing, own_documents

GROUP = "files"
SECTION = "GET FILE"
NEEDS = ("file",)
SOME = 5
"""Documents that are fetched."""


@check("file", "A document that the peer has is sent", group=GROUP, section=SECTION, needs=NEEDS)
def sent(server: Server) -> None:
    """Fetch a document."""
    document = a_document(server)
    answer = server.expect("file", **document.fields)
    if not answer.body and document.size != 0:
        raise Failed(
            f"the answer to a request for {document} has no data",
            "send the bytes of the file behind the empty line, on the same connection",
        )


@check("file-twice", "A document is the same each time", group=GROUP, section=SECTION, needs=NEEDS)
def same(server: Server) -> None:
    """Fetch a document twice, and compare."""
    document = a_document(server)
    first, second = (server.expect("file", **document.fields).body for _ in range(2))
    if first != second:
        raise Failed(f"{document} came with {len(first)} bytes, then with {len(second)}", "send the file as it is")


@check("files-of-index", "Each document of the index is sent", group=GROUP, section=SECTION, needs=("index", "file"))
def of_index(server: Server) -> None:
    """Fetch the first documents of the index that are the peer's own."""
    own = own_documents(server, documents(server, server.expect("index")))
    if not own:
        raise CannotTell("the index has no document of the peer", "let the peer share documents")
    for document in own[:SOME]:
        server.hold(server.ask("file", **document.fields), "ok", f"a request for {document}, which is in the index,")


@check("file-unknown", "A document that the peer has not is not found", group=GROUP, section=SECTION, needs=NEEDS)
def unknown(server: Server) -> None:
    """Ask for documents that nobody has, with and without a type."""
    for kind in ("txt", ""):
        fields = missing(kind)
        server.hold(server.ask("file", **fields), "not_found", f"a request for {fields['name']}, which nobody has,")


@check("serves-after-unknown", "After such a refusal others are served", group=GROUP, section=SECTION, needs=NEEDS)
def goes_on(server: Server) -> None:
    """Ask for what is not there, then for what is."""
    server.ask("file", **missing())
    server.hold(server.ask("file", **a_document(server).fields), "ok", "a good request after one that was refused")
