"""The list of a peer's wants: those in its settings, and those that users have added."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ...wire.address import Address
from ..downloads.manager import check_folder
from .keeper import Keeper
from .progress import Progress
from .want import Want, check_pattern
from .want_file import WantFile

MAX_WANTS = 100
"""Most wants of a peer."""


class Wants:
    """Adds wants to `keeper` and stops them; those of users are in `file`."""

    def __init__(self, keeper: Keeper, file: WantFile, download_dir: Path, patterns: Iterable[str]) -> None:
        """`patterns` are the wants in the settings, for the folder `download_dir`."""
        self._keeper = keeper
        self._file = file
        self._download_dir = download_dir
        self._patterns = patterns

    def open(self) -> None:
        """Open the file, and begin with all wants."""
        self._file.open()
        for pattern in self._patterns:
            id_ = hashlib.sha256(pattern.encode()).hexdigest()[:8]
            self._keeper.add(Want(id_, pattern, self._download_dir, is_set=True))
        for want in self._file.wants():
            self._keeper.add(want)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def items(self) -> list[tuple[Progress, int]]:
        """Return how each want stands, and how many documents of it are being fetched; the newest last."""
        keeper = self._keeper
        return [(progress, keeper.fetching.count(progress.want)) for progress in keeper.wants.values()]

    def add(self, pattern: str, directory: Path | None, holder: Address | None, deletes: bool) -> Want:
        """Add a want, or change whether it deletes if there is one for the same; return it. Raises ValueError."""
        want = Want(secrets.token_hex(4), check_pattern(pattern), directory or self._download_dir, holder, deletes)
        check_folder(want.directory)
        for progress in self._keeper.wants.values():
            if progress.want.is_same(want):
                if progress.want.deletes == deletes:
                    return progress.want
                if progress.want.is_set:
                    raise ValueError("this is a want of the settings, which deletes nothing; name another folder")
                want = replace(want, id=progress.want.id)
        if want.id not in self._keeper.wants and len(self._keeper.wants) >= MAX_WANTS:
            raise ValueError(f"there are {MAX_WANTS} wants already; stop one first")
        try:
            self._file.add(want)
        except sqlite3.Error as e:
            raise ValueError(f"the want cannot be written down: {e}") from e
        self._keeper.add(want)
        return want

    def stop(self, id_: str) -> bool:
        """Stop a want; its files stay. Return False if there is none of that id. Raises ValueError if it is set."""
        progress = self._keeper.wants.get(id_)
        if progress is None:
            return False
        if progress.want.is_set:
            raise ValueError("this want stands in the settings of the peer: remove it there, and start the peer again")
        try:
            self._file.remove(id_)
        except sqlite3.Error as e:
            raise ValueError(f"it cannot be written down that the want is stopped: {e}") from e
        self._keeper.remove(progress.want)
        return True
