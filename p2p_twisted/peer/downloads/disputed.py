"""Documents whose holders give different sizes or piece lists for one content: which variant is tried, and how long.

At most one variant is right, and only the whole file shows which. They are tried one after the other, again and again
with more patience, so that one that stalls does not keep back the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from ...index.search import Document
from ...library.pieces import piece_count, piece_size
from ...swarm.errors import DownloadError, NameTaken, NoProgress, Unwritable
from ...swarm.swarm import Swarm
from ...wire.limits import MAX_PIECE_LIST
from .model import DownloadFile

MAX_PIECES = MAX_PIECE_LIST // 65
"""Pieces of one document: as many as fit into an answer to GET PIECES."""
PATIENCE = (3, 6, 12, 24, 48, 96)
"""Seconds without a verified piece after which the next variant is tried, round by round."""


def swarm_variants(document: Document | None) -> list[Document]:
    """Return the variants of `document` that a swarm can fetch, that of most holders first."""
    return [] if document is None else [variant for variant in document.variants() if _has_pieces(variant)]


def _has_pieces(document: Document) -> bool:
    """Return whether its hash is known, and that of its piece list if it has more than one piece."""
    if document.sha256 is None or document.size is None or piece_count(document.size) > MAX_PIECES:
        return False
    return document.size <= piece_size(document.size) or bool(document.piece_list)


class Contenders:
    """The variants of each of some files that have not failed for good."""

    def __init__(self, files: Iterable[DownloadFile]) -> None:
        self._variants = {file: swarm_variants(file.document) for file in files}
        self.errors: dict[DownloadFile, DownloadError] = {}
        """The last error of each file that has failed in all variants."""

    def rounds(self) -> Iterator[tuple[dict[DownloadFile, Document], int]]:
        """Yield variants to try, of each file that has not ended, and the seconds of patience.

        Ends when no file is left, or each variant has been tried in each round.
        """
        for patience in PATIENCE:
            present = {file: list(variants) for file, variants in self._variants.items()}
            for number in range(max(map(len, present.values()), default=0)):
                trial = {file: variants[number] for file, variants in present.items() if number < len(variants)}
                if trial := {file: one for file, one in trial.items() if file.ended is None and not file.is_taken}:
                    yield trial, patience

    def failed(self, file: DownloadFile, variant: Document, error: DownloadError) -> bool:
        """Note that `file` has failed as `variant`. Return False if that says nothing of its other variants."""
        if isinstance(error, NameTaken | Unwritable):
            return False
        if not isinstance(error, NoProgress):
            self._variants[file].remove(variant)
        self.errors[file] = error
        return True


class Patience:
    """Gives `swarm` up when no piece has been verified for `seconds`."""

    def __init__(self, clock: IReactorTime, swarm: Swarm, seconds: float) -> None:
        self._swarm = swarm
        self._seconds = seconds
        self._before = 0
        self._idle = 0
        self._ticks = LoopingCall(self._tick)
        self._ticks.clock = clock

    def start(self) -> None:
        """Begin to watch it."""
        self._ticks.start(1, now=False)

    def stop(self) -> None:
        """Watch it no longer."""
        if self._ticks.running:
            self._ticks.stop()

    def _tick(self) -> None:
        verified = sum(len(storage.have) for storage in self._swarm.files.values()) - len(self._swarm.unfinished)
        self._idle = self._idle + 1 if verified == self._before and not self._swarm.is_busy else 0
        self._before = verified
        if self._idle >= self._seconds:
            self._swarm.give_up(NoProgress(f"no piece was received for {self._seconds} s"))
