"""The parts of a message by the names that the grammar gives them (docs/protocol.rst), for people who learn it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

METHODS = {
    "Register": "registers the sender as a peer, or again with the cookie that it has",
    "Leave": "ends the registration",
    "KeepAlive": "renews the registration before its TTL ends",
    "PQuery": "asks which peers are active",
    "GET INDEX": "asks for the documents that the receiver has, or knows of",
    "GET FILE": "asks for a document, or for a range of its bytes",
    "GET PIECES": "asks for the hashes of the pieces of a document",
    "GET NEXT": "asks for a piece that nobody else has yet",
    "GET TURN": "asks to be told when the receiver has room for the next request",
    "GET SOURCES": "asks who else downloads a document",
    "SEARCH INDEX": "asks which documents have these words",
    "CANCEL FILE": "takes back a request that still waits",
    "Hello": "says that the sender is there now, and where it serves",
    "Probe": "asks the receiver to try whether the sender can be reached",
    "GET RFC-Index": "asks for the list of RFCs, in the form of the course handout",
    "GET RFC": "asks for an RFC by its number, in the form of the course handout",
}
"""Method and document -> what such a request does."""
STATUSES = {
    "100": "what was asked for is not there",
    "200": "granted",
    "300": "the request was not understood",
    "403": "refused",
}
"""Status code -> what it means."""
HEADERS = {
    "Host": "the address at which the sender is reached",
    "OS": "the operating system of the sender",
    "Length": "the number of bytes after the empty line",
    "Size": "the number of bytes of the whole document",
    "SHA-256": "the hash of the document: what is received must have it",
    "Range": "the first and the last byte that are meant",
    "Since": "the version of the index that the sender knows",
    "Index": "the version of the index as it is now",
    "Follow": "later changes are to be sent as well",
    "Hearsay": "what the receiver heard of others is wanted too",
    "Modified": "when the document was last changed",
    "More": "the list goes on: ask again with After",
    "Limit": "the most entries that the sender wants",
    "After": "the last entry that the sender has",
    "Sample": "so many peers by lot are enough",
    "Turns": "how many pieces the sender of this would send next",
    "News": "only once there are new pieces",
    "Retry-After": "seconds after which to ask again",
    "Site": "the site of the sender",
}
"""Header -> what it says."""
DATA = {
    "cookie": "what the RS gave the peer at its first registration: who has it is that peer",
    "port": "the port at which the peer serves others",
}
"""Label of a data line -> what it says."""


@dataclass(frozen=True)
class Part:
    """A piece of the text of a message: its `name` in the grammar, and a sentence where there is one."""

    text: str
    name: str
    meaning: str = ""


def anatomy(kind: str, head: str) -> list[Part]:
    """Return the parts of a request, a response or garbage; their texts together are `head`."""
    if kind == "garbage":
        return [Part(head, "garbage", "not a message of this protocol")]
    first, *rest = re.split(r"(?<=\n)", head)
    parts = [*(_request_line(first) if kind == "request" else _status_line(first))]
    in_head = True
    for line in rest:
        if not in_head:
            parts += _data_line(line)
        elif line.strip("\r\n"):
            parts += _header(line)
        elif line:
            in_head = False
            parts.append(Part(line, "empty line", "the head ends here"))
    return parts


def method_of(head: str) -> str:
    """Return the method with what it is for, without NULL: ``GET FILE``, ``Register``, ``GET RFC``."""
    words = head.partition("\n")[0].split()[:2]
    return " ".join(words[:1] if words[1:] == ["NULL"] else words)


def _request_line(line: str) -> Iterator[Part]:
    text, version, end = _cut_version(line)
    yield Part(text, "method and document", METHODS.get(method_of(line), ""))
    yield Part(version, "version")
    yield Part(end, "end of line")


def _status_line(line: str) -> Iterator[Part]:
    text, version, end = _cut_version(line)
    if not text.strip() and " " in version:  # the handout has the version first
        version, _, text = version.partition(" ")
        yield Part(f"{version} ", "version")
        code, space, phrase = text.partition(" ")
        yield Part(code + space, "status code", STATUSES.get(code, ""))
        yield Part(phrase, "phrase")
    else:
        code, space, phrase = text.partition(" ")
        yield Part(code + space, "status code", STATUSES.get(code, ""))
        yield Part(phrase, "phrase")
        yield Part(version, "version")
    yield Part(end, "end of line")


def _cut_version(line: str) -> tuple[str, str, str]:
    """Return what stands before the version, the version (and what follows), and the end of `line`."""
    text = line.rstrip("\r\n")
    at = text.find("P2P")
    return (text, "", line[len(text) :]) if at < 0 else (text[:at], text[at:], line[len(text) :])


def _header(line: str) -> Iterator[Part]:
    name = line.partition(":" if ":" in line else " ")[0]
    yield Part(line[: len(name)], "header", HEADERS.get(name, ""))
    yield Part(line[len(name) :], "value")


def _data_line(line: str) -> Iterator[Part]:
    if line:
        yield Part(line, "data line", DATA.get(line.partition(":")[0], ""))
