"""The lines of an answer to GET INDEX with Since: the changes of the files of one peer.

Three kinds: an index record of 1.1 (the file is new, or has changed); ``-``, name and type (it is gone); ``have``,
SHA-256, size and ranges (these pieces of an unfinished file are there; ``-``: none yet). A follower that has asked for
hearsay gets ``heard`` and an index record as well: another peer has this file. All are separated by tabs.
"""

from __future__ import annotations

from . import fields
from .messages import Version
from .quick_dataclass import quick_dataclass
from .ranges import Ranges, format_ranges, parse_ranges
from .records import PRIVATE, IndexRecord, encode_record, parse_record


@quick_dataclass(frozen=True)
class Removed:
    """The file `name` is no longer shared."""

    name: str


@quick_dataclass(frozen=True)
class Have:
    """The pieces that are there of an unfinished file with the hash `sha256` (hex) and `size` bytes."""

    sha256: str
    size: int
    pieces: Ranges


NONE = "-"
"""The pieces of a file of which none is there yet."""


@quick_dataclass(frozen=True)
class Heard:
    """Hearsay: what another peer has, a record with a SHA-256."""

    record: IndexRecord


Change = IndexRecord | Removed | Have


def encode_change(change: Change | Heard) -> str:
    """Return one line, without its line end."""
    if isinstance(change, Removed):
        stem, kind = fields.split_type(change.name)
        return f"-\t{stem}\t{kind}"
    if isinstance(change, Have):
        return f"have\t{change.sha256}\t{change.size}\t{format_ranges(change.pieces) or NONE}"
    if isinstance(change, Heard):
        return f"heard\t{encode_record(change.record, Version.V11)}"
    return encode_record(change, Version.V11)


def _pieces(text: str) -> Ranges:
    return () if text == NONE else parse_ranges(text)


def parse_change(line: str) -> Change | Heard:
    """Return the change in a line: the inverse of `encode_change`. Raises BadRequest."""
    parts = line.split("\t")
    if len(parts) == 3 and parts[0] == "-":
        return Removed(fields.name(fields.join_type(parts[1], parts[2])))
    if len(parts) == 4 and parts[0] == "have":
        return Have(fields.sha256(parts[1]), fields.number(parts[2], "size"), _pieces(parts[3]))
    if len(parts) == 10 and parts[0] == "heard" and parts[9] != PRIVATE:
        return Heard(parse_record(line.partition("\t")[2]))
    return parse_record(line)
