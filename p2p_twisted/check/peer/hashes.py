"""Sizes and hashes of 1.1: those of an answer, and those of the index."""

from __future__ import annotations

from functools import partial

from ..model import CannotTell, Failed, check
from ..server import Server
from .dialogue import LENGTH, a_document, content, documents, listed_document, missing, sha256

GROUP = "extensions"
LEVEL = "1.1"
NEEDS = ("index", "file")
FIELDS = (6, 9, 10)
"""How many fields a record may have: those of 1.0, all, and those of a private one."""

extension = partial(check, group=GROUP, needs=NEEDS, level=LEVEL, basis=LENGTH)


@extension("size-and-hash", "The answer to GET FILE has the size and the SHA-256 of the file", section="GET FILE")
def of_answer(server: Server) -> None:
    """Compare them with the bytes that came."""
    document = a_document(server)
    data = content(server, document)
    answer = server.expect("file", **document.fields)
    for name, right in (("Size", str(len(data))), ("SHA-256", sha256(data))):
        said = answer.header(name)
        if said != right:
            raise Failed(f"{name} is {said or 'missing'}", f"it must be that of the whole file: {right}")


@extension(
    "index-hashes", "The records of the index have the size and the SHA-256 of the files", section="Index records"
)
def of_index(server: Server) -> None:
    """Compare them with the bytes that come."""
    found = documents(server, server.expect("index"))
    wrong = [one for one in found if len(one.record) not in FIELDS]
    if wrong:
        raise Failed(f"a record has {len(wrong[0].record)} fields", "a record has nine; six if it was heard from a 1.0")
    document = listed_document(server)
    data = content(server, document)
    if (document.size, document.sha256) != (len(data), sha256(data)):
        raise Failed(
            f"the record of {document} says {document.size} bytes and the hash {document.sha256}, and "
            f"{len(data)} bytes came with the hash {sha256(data)}",
            "read size and hash of the file as it is now",
        )


@extension("by-hash", "SHA-256 in a request asks for that content and no other", section="GET FILE")
def by_hash(server: Server) -> None:
    """Ask by the right hash with another name, and by a wrong hash with the right name."""
    document = a_document(server)
    data = content(server, document)
    answer = server.ask("file", (f"SHA-256: {sha256(data)}",), **missing())
    server.hold(answer, "ok", "a request by the hash of a document, with another name,")
    if answer.body != data:
        raise Failed("a request by a hash was answered by other content", "look the content up by its hash")
    other = sha256(data + b"other")
    answer = server.ask("file", (f"SHA-256: {other}",), **document.fields)
    server.hold(answer, "not_found", "a request for a name with a hash that nobody has")


@extension("index-version", "The index has a version", section="Versions of an index")
def version(server: Server) -> None:
    """Look for the header, and whether it stays as long as nothing changes."""
    first, second = (server.expect("index").header("Index") for _ in range(2))
    if not first:
        raise Failed("the head has no Index", "say the version of the index in each answer to GET INDEX")
    if first != second:
        raise CannotTell("the index changed between two requests, or its version did")
