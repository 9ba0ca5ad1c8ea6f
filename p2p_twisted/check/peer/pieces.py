"""Piece lists, and pieces that are given out, in 1.1."""

from __future__ import annotations

import re
from functools import partial

from ..model import Failed, check
from ..server import Server, quoted
from .dialogue import LENGTH, content, listed_document, sha256

GROUP = "extensions"
LEVEL = "1.1"
MIN_PIECE, MAX_PIECE = 65_536, 4_194_304
"""Bytes of a piece at least, and at most."""
MAX_PIECES = 1024
"""Pieces of a file, unless they would have more than MAX_PIECE bytes."""
NOBODYS = "0" * 64

extension = partial(check, group=GROUP, level=LEVEL, basis=LENGTH)


def piece_size(size: int) -> int:
    """Return the bytes of each piece of a file of `size` bytes but the last."""
    piece = MIN_PIECE
    while piece * MAX_PIECES < size and piece < MAX_PIECE:
        piece *= 2
    return piece


def piece_hashes(data: bytes) -> list[str]:
    """Return the hash of each piece."""
    step = piece_size(len(data))
    return [sha256(data[at : at + step]) for at in range(0, len(data), step)] or [sha256(data)]


@extension(
    "pieces", "GET PIECES gives the SHA-256 of each piece", section="GET PIECES", needs=("index", "file", "pieces")
)
def piece_list(server: Server) -> None:
    """Compare the list with the content, and its hash with the record."""
    document = listed_document(server, MIN_PIECE)
    right = piece_hashes(content(server, document))
    answer = server.expect("pieces", hash=document.sha256)
    if answer.lines != right:
        raise Failed(
            f"the list of {document} has {len(answer.lines)} lines, which are not the hashes of its pieces",
            f"cut the file into pieces of {piece_size(document.size or 0)} bytes: {len(right)} hashes",
        )
    wanted = sha256(bytes.fromhex("".join(right))) if len(right) > 1 else "-"
    if document.record[8] != wanted:
        raise Failed(f"field 9 of its record is {document.record[8]}", f"it must be {wanted}")


@extension(
    "pieces-unknown", "GET PIECES of a file that the peer has not is not found", section="GET PIECES", needs=("pieces",)
)
def unknown(server: Server) -> None:
    """Ask for the list of what nobody has."""
    server.expect("pieces", "not_found", hash=NOBODYS)


@extension("next", "GET NEXT gives a piece that is wanted", section="GET NEXT", needs=("index", "file", "next"))
def next_piece(server: Server) -> None:
    """Ask for any piece of a document; the peer may have none left to give out."""
    document = listed_document(server, MIN_PIECE)
    data = content(server, document)
    last = len(piece_hashes(data)) - 1
    want = f"{document.sha256} {'0' if last == 0 else f'0-{last}'}"
    answer = server.ask("next", (f"Length: {len(want) + 1}",), hash=document.sha256, range=want.partition(" ")[2])
    if answer.code == server.profile.codes["not_found"]:
        return
    server.hold(answer, "ok", "next")
    found = re.fullmatch(r"(\d+)-(\d+)", answer.header("Range") or "")
    if found is None:
        raise Failed(f"the answer {quoted(answer)} has no Range", "say which bytes of the file the piece is")
    if answer.body != data[int(found[1]) : int(found[2]) + 1] or int(found[1]) % piece_size(len(data)):
        raise Failed(f"the piece {found[0]} has other bytes than the file", "send a whole piece, where Range says")
