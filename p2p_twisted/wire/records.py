"""The lines that bodies are made of: index records (GET INDEX) and peer addresses (PQuery)."""

from __future__ import annotations

from dataclasses import dataclass

from . import fields
from .errors import BadRequest
from .limits import MAX_TITLE, TTL
from .messages import Version

PRIVATE = "private"
"""The tenth field of a record that its receiver must not pass on. Readers that do not know it pass the line over."""


@dataclass(frozen=True)
class IndexRecord:
    """One document at one holder.

    `name` includes the type; `host` and `port` are the holder's; `ttl` is in seconds. A record of 1.0 has None for the
    rest: `size` in bytes, `sha256` of the file, `pieces`, the SHA-256 of its list of piece hashes (protocol, "Pieces";
    empty for a file of one piece). One that is `private` is for its receiver alone, who must not pass it on.
    """

    name: str
    title: str
    host: str
    port: int
    ttl: int
    size: int | None = None
    sha256: str | None = None
    pieces: str | None = None
    private: bool = False


def encode_record(record: IndexRecord, version: Version) -> str:
    """Return one line, without its line end: six fields separated by tabs, in 1.1 nine, or ten if it is private.

    Raises ValueError for a private record in 1.0, which cannot say that it is.
    """
    stem, kind = fields.split_type(record.name)
    line = f"{stem}\t{kind}\t{record.title}\t{record.host}\t{record.port}\t{record.ttl}"
    if version is Version.V11 and record.sha256 is not None:
        line += f"\t{record.size}\t{record.sha256}\t{record.pieces or '-'}"
        return f"{line}\t{PRIVATE}" if record.private else line
    if record.private:
        raise ValueError("a private record is told in 1.1 only")
    return line


def parse_record(line: str) -> IndexRecord:
    """Return the record in a line: the inverse of `encode_record`. Raises BadRequest."""
    parts = line.split("\t")
    if len(parts) not in (6, 9) and not (len(parts) == 10 and parts[9] == PRIVATE):
        raise BadRequest("an index record has six fields, in 1.1 nine or, if it is private, ten, parted by tabs")
    stem, kind, title, host, port, ttl = parts[:6]
    if fields.has_control(title) or len(title) > MAX_TITLE:
        raise BadRequest(f"a title has at most {MAX_TITLE} characters and no control characters")
    size = sha256 = pieces = None
    if len(parts) > 6:
        size, sha256 = fields.number(parts[6], "size"), fields.sha256(parts[7])
        pieces = "" if parts[8] == "-" else fields.sha256(parts[8])
    return IndexRecord(
        fields.name(fields.join_type(stem, kind)),
        title,
        fields.peer_host(host),
        fields.port(port),
        fields.number(ttl, "TTL", 0, TTL),
        size,
        sha256,
        pieces,
        len(parts) == 10,
    )
