"""When the downloaders together have everything: seen in their folders, without asking those who are at work."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from p2p_twisted.library.pieces import piece_count

STATE = ".part.state"
HEAD_LINES = 2  # of a state file; then comes the number of a piece in each line


class Copies:
    """Looks for every piece of ``documents`` in ``folders``, one for each downloader.

    A document of that name has all pieces; NAME.part.state names the pieces that are proven and written.
    """

    def __init__(self, documents: Iterable[Path], folders: Sequence[Path]) -> None:
        self._missing = {path.name: set(range(piece_count(path.stat().st_size))) for path in documents}
        self._folders = folders

    def look(self) -> float | None:
        """The time.monotonic() of this look if all pieces are there, else None."""
        for folder in self._folders:
            for path in folder.iterdir():
                if path.name.endswith(STATE):
                    self._proven(path)
                else:
                    self._missing.pop(path.name, None)
        return None if any(self._missing.values()) else time.monotonic()

    def _proven(self, path: Path) -> None:
        pieces = self._missing.get(path.name.removesuffix(STATE))
        if pieces:
            try:
                lines = path.read_bytes().rpartition(b"\n")[0].split(b"\n")  # the last may be half written
            except FileNotFoundError:  # it has just become complete
                return
            pieces.difference_update(map(int, lines[HEAD_LINES:]))
