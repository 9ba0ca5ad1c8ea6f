"""The pieces that this peer has got of unfinished files, as each downloader is told of them with its turn. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from ...swarm.storage import Storage
from ...wire.changes import Have, encode_change
from ...wire.ranges import bits, to_ranges

MAX_REMEMBERED = 16_384
"""Pieces that are remembered one by one; who has heard nothing for longer is told of all that are here."""
MAX_TOLD = 1_000
"""Most files that one answer tells of."""
MAX_RANGES = 3_000
"""Most ranges of one file: a line has its limit."""


class PieceNews:
    """The pieces in the order in which they came. A place in this order says how far somebody has been told."""

    def __init__(self) -> None:
        self.place = 0
        """The place after the last piece."""
        self._pieces: deque[tuple[tuple[str, int], int]] = deque(maxlen=MAX_REMEMBERED)
        """The SHA-256 and the size of the file, and the piece."""

    def add(self, content: Storage, piece: int) -> None:
        """Note that the piece is here."""
        self._pieces.append(((content.sha256, content.size), piece))
        self.place += 1

    def since(self, place: int | None, contents: Iterable[Storage]) -> list[Have]:
        """Return what is here of each file that has got pieces since `place`; of all `contents`, if that is None."""
        first = self.place - len(self._pieces)
        new: dict[tuple[str, int], Iterable[int]] = {}
        if place is None or place < first:
            new = {(one.sha256, one.size): one.have for one in contents if one.count > 1 and one.have}
        else:
            listed: dict[tuple[str, int], list[int]] = {}
            for file, piece in islice(self._pieces, place - first, None):
                listed.setdefault(file, []).append(piece)
            new.update(listed)
        told = islice(new.items(), MAX_TOLD)
        return [Have(sha256, size, to_ranges(bits(pieces))[:MAX_RANGES]) for (sha256, size), pieces in told]


def news_lines(news: Iterable[Have]) -> bytes:
    """Return the body of an answer that tells of `news`."""
    return "".join(f"{encode_change(one)}\n" for one in news).encode()
