"""The time at which the downloaders together have everything, found in their folders without disturbing them."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from p2p_twisted.experiment.run.copies import verified_pieces
from p2p_twisted.experiment.run.originals import sha256_of
from p2p_twisted.library.pieces import piece_count


class Copies:
    """Looks for every piece of ``documents`` in ``folders``, one for each downloader.

    A document of that name has all pieces; NAME.part.state names the pieces that are verified and written.
    """

    def __init__(self, documents: Iterable[Path], folders: Sequence[Path]) -> None:
        self._documents = {path.name: (path.stat().st_size, sha256_of(path) or "") for path in documents}
        self._missing = {name: set(range(piece_count(size))) for name, (size, _) in self._documents.items()}
        self._folders = folders

    def look(self) -> float | None:
        """Return time.monotonic() if all pieces are there, else None."""
        for folder in self._folders:
            for name, problem in list(self._missing.items()):
                if (folder / name).exists():
                    del self._missing[name]
                elif problem:
                    problem -= verified_pieces(folder, name, *self._documents[name])
        return None if any(self._missing.values()) else time.monotonic()
