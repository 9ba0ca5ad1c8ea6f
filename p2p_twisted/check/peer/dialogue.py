"""What checks of a peer have in common: which document to ask for, and what it contains."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..answers import Answer
from ..model import CannotTell, NotPassed
from ..profile import matches
from ..server import Server, Target

VERSION, LENGTH = ("answers-in-1.1",), ("answers-in-1.1", "length")
OPEN = (*LENGTH, "kept-open")
"""Checks of 1.1 on which others build."""
MAX_DOCUMENTS = 10_000
"""Lines of an index that are looked at."""
MAX_SIZE = 16 * 2**20
"""Bytes of a document that is fetched where a longer one is better."""
HIGH_NUMBERS = range(90_000, 99_999)
"""Numbers that no RFC has yet."""
NO_DOCUMENT = "let the peer share a document, or name one that it has with --document NAME"


@dataclass(frozen=True)
class Document:
    """A document: the `fields` of messages that ask for it.

    `record` are the fields of its record in the index, between tabs, and `holder` is the address and port there; None
    if the index says none.
    """

    fields: Mapping[str, Any]
    record: tuple[str, ...] = ()
    holder: tuple[str, str] | None = None

    def __str__(self) -> str:
        return str(self.fields["name"])

    @property
    def size(self) -> int | None:
        """Its size in bytes by the record, None if that does not say."""
        return int(self.record[6]) if len(self.record) > 7 and self.record[6].isdecimal() else None

    @property
    def sha256(self) -> str | None:
        """Its hash by the record, None if that does not say."""
        return self.record[7] if len(self.record) > 7 else None


@dataclass
class PeerTarget(Target):
    """A peer under check. `document` is the name of one that it has, "" to take one from its index.

    `contents` has what was fetched already, by profile and name.
    """

    sample: str = "index"
    document: str = ""
    contents: dict[tuple[str, str], bytes] = field(default_factory=dict)


def named(name: str) -> Document:
    """Return the document `name`, or if that is a number, the RFC with it."""
    folder, slash, last = name.rpartition("/")
    stem, _, kind = last.rpartition(".")
    if not kind or not stem.strip("."):
        stem, kind = last, ""
    return Document({"name": name, "stem": folder + slash + stem, "type": kind, "number": _number_in(name)})


def documents(server: Server, answer: Answer) -> list[Document]:
    """Return the documents in an index, in its order."""
    template = server.profile.bodies.get("index")
    found = (_document(line, template) for line in answer.lines[:MAX_DOCUMENTS])
    return [one for one in found if one is not None]


def own_documents(server: Server, found: list[Document]) -> list[Document]:
    """Return those of an index that the peer itself has; all, if the index says no ports.

    An index has the peer's own documents first, so the address of the first one with its port is its own.
    """
    port = str(server.target.port)
    own = next((one.holder for one in found if one.holder is not None and one.holder[1] == port), None)
    return [one for one in found if one.holder is None or one.holder == own]


def _document(line: str, template: str | None) -> Document | None:
    if template is None:
        found = re.search(r"\d+", line)
        return Document({"name": f"RFC {found[0]}", "number": found[0]}) if found else None
    match = matches(template, line)
    if match is None:
        return None
    groups = match.groupdict()
    stem, kind = groups.get("stem", ""), groups.get("type", "")
    name = f"{stem}.{kind}" if kind else stem
    number = groups.get("number") or _number_in(name)
    holder = (groups.get("address", ""), groups["port"]) if "port" in groups else None
    return Document({"name": name, "stem": stem, "type": kind, "number": number}, tuple(line.split("\t")), holder)


def _number_in(name: str) -> str:
    """Return the first number in `name`, or all of it if there is none."""
    found = re.search(r"\d+", name)
    return found[0] if found else name


def a_document(server: Server) -> Document:
    """Return a document that the peer has: the smallest one, if the index says sizes. Raises CannotTell."""
    target = server.target
    if isinstance(target, PeerTarget) and target.document:
        return named(target.document)
    if "index" not in server.profile.messages:
        raise CannotTell("this protocol has no index to take a document from", "name one with --document NAME")
    try:
        found = documents(server, server.expect("index"))
    except NotPassed as error:
        raise CannotTell(f"no document is known: {error.seen}", NO_DOCUMENT) from None
    if not found:
        raise CannotTell("the index has no document", NO_DOCUMENT)
    return min(own_documents(server, found) or found, key=lambda one: 2**63 if not one.size else one.size)


def listed_document(server: Server, over: int = -1) -> Document:
    """Return one that the index lists with a hash, of more than `over` bytes if there is one. Raises CannotTell."""
    document = a_document(server)
    found = [one for one in documents(server, server.expect("index")) if one.sha256 is not None]
    named = [one for one in found if str(one) == str(document)]
    if not named:
        raise CannotTell(f"the index says no hash of {document}", NO_DOCUMENT)
    longer = [one for one in found if over < (one.size or 0) <= MAX_SIZE and one.holder == named[0].holder]
    return min(longer, key=lambda one: one.size or 0, default=named[0])


def missing(kind: str = "txt") -> dict[str, Any]:
    """Return the fields of a request for a document that nobody has."""
    number = random.choice(HIGH_NUMBERS)
    stem = f"no-such-document-{number}"
    return {"name": f"{stem}.{kind}" if kind else stem, "stem": stem, "type": kind, "number": number}


def content(server: Server, document: Document) -> bytes:
    """Return what the peer sends of `document`. Raises CannotTell, for another check is about that."""
    target = server.target
    key = (server.profile.name, str(document))
    known = target.contents if isinstance(target, PeerTarget) else {}
    if key not in known:
        try:
            answer = server.expect("file", **document.fields)
        except NotPassed as error:
            raise CannotTell(f"{document} could not be fetched: {error.seen}", error.mend) from None
        said = answer.header("Size")
        if answer.is_cut or (said is not None and said != str(len(answer.body))):
            raise CannotTell(f"{document} could not be fetched whole", "see the check 'length'")
        known[key] = answer.body
    return known[key]


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
