"""The two requests between peers that the course handout "P2P-DI" fixes, and the form of their answers.

The handout writes the version first in the status line, has the number of the RFC in the first line of the request,
and ends lines in CRLF. Everything else of its protocol is left to students, so nothing else of it is spoken here.
"""

from __future__ import annotations

import re

from .fields import number
from .limits import MAX_RFC
from .messages import GetRfc, GetRfcIndex, Response, Version
from .records import IndexRecord

STATUSES = {100: "404 Not Found", 200: "200 OK", 300: "400 Bad Request", 403: "403 Forbidden"}
"""Status code of 1.0 and 1.1 -> code and phrase in an answer to the handout's requests."""

_INDEX = re.compile(rb"GET RFC-INDEX P2P-DI/1\.0", re.I)
_RFC = re.compile(rb"GET RFC (\S+) P2P-DI/1\.0")
_NAME = re.compile(r"(?:.*/)?rfc[ _-]?0{0,4}([1-9][0-9]{0,4})(?:\.[0-9a-z]{1,8}){0,2}", re.I | re.S)


def parse_first_line(line: bytes) -> GetRfcIndex | GetRfc | None:
    """Return the message that the first line of a request is; None for one of 1.0 or 1.1. Raises BadRequest."""
    if _INDEX.fullmatch(line):
        return GetRfcIndex()
    match = _RFC.fullmatch(line)
    return (
        None
        if match is None
        else GetRfc(number(match[1].decode("ascii", "replace"), "the number of an RFC", 1, MAX_RFC))
    )


def encode_head(response: Response) -> bytes:
    """Return the head of `response` with the empty line."""
    lines = (
        f"{Version.HANDOUT.value} {STATUSES[response.status]}",
        f"Host: {response.host}",
        f"OS: {response.os}",
        f"Content-Length: {response.length}",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def rfc_number(name: str) -> int | None:
    """Return the number in the name of a document such as ``rfc8446.txt`` or ``rfc/RFC0791.txt.pdf``, else None."""
    match = _NAME.fullmatch(name)
    return None if match is None else int(match[1])


def encode_rfc_record(record: IndexRecord) -> str | None:
    """Return one line of the handout's index, without its LF: number, title, host and TTL; None if it is no RFC."""
    rfc = rfc_number(record.name)
    return None if rfc is None else f"{rfc}\t{record.title}\t{record.host}\t{record.ttl}\r"
