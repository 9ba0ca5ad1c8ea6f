"""Ranges of a file, in 1.1."""

from __future__ import annotations

from functools import partial

from ..model import CannotTell, Failed, check
from ..server import Server
from .dialogue import LENGTH, a_document, content

GROUP = "extensions"
SECTION = "GET FILE"
LEVEL = "1.1"
NEEDS = ("index", "file")

extension = partial(check, group=GROUP, needs=NEEDS, level=LEVEL, basis=LENGTH)


def _some(server: Server) -> tuple[dict[str, object], bytes]:
    """Return the fields of a document of at least two bytes, and its content. Raises CannotTell."""
    document = a_document(server)
    data = content(server, document)
    if len(data) < 2:
        raise CannotTell(f"{document} has {len(data)} bytes", "name a longer document with --document NAME")
    return dict(document.fields), data


@extension("range", "Range is answered with these bytes", section=SECTION)
def right(server: Server) -> None:
    """Ask for the first byte, some in the middle, the last and all."""
    fields, data = _some(server)
    end = len(data) - 1
    for first, last in ((0, 0), (end // 2, min(end, end // 2 + 1000)), (end, end), (0, end)):
        answer = server.expect("file", "ok", (f"Range: {first}-{last}",), **fields)
        if answer.body != data[first : last + 1]:
            raise Failed(
                f"Range: {first}-{last} was answered with {len(answer.body)} bytes"
                + ("" if len(answer.body) != last - first + 1 else ", which are others"),
                f"send the {last - first + 1} bytes from offset {first} to offset {last}, both included",
            )


@extension(
    "range-head",
    "The answer repeats the range, and says the size of the whole file",
    section=SECTION,
    basis=(*LENGTH, "range"),
)
def head(server: Server) -> None:
    """Look at the headers."""
    fields, data = _some(server)
    answer = server.expect("file", "ok", ("Range: 0-1",), **fields)
    for name, wanted in (("Range", "0-1"), ("Size", str(len(data))), ("Length", "2")):
        if answer.header(name) != wanted:
            raise Failed(f"{name} is {answer.header(name) or 'missing'}", f"it must be {wanted}")


@extension(
    "range-beyond",
    "A range beyond the end, or one that is none, is refused",
    section="Status codes",
    basis=(*LENGTH, "range"),
)
def beyond(server: Server) -> None:
    """Ask for bytes that are not there, and for ranges that are none."""
    fields, data = _some(server)
    for text in (f"0-{len(data)}", f"{len(data)}-{len(data)}", "1-0", "-1", "0-", "0-0,1-1", "+0-1", f"0-{2**63}"):
        server.hold(server.ask("file", (f"Range: {text}",), **fields), "bad_request", f"Range: {text}")
