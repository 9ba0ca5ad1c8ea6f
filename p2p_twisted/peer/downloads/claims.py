"""Which item of which download of this peer is fetched to which path: two never write to one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .model import DownloadFile


class Claims:
    """The places taken by items of running downloads."""

    def __init__(self) -> None:
        self._files: dict[Path, DownloadFile] = {}

    def __len__(self) -> int:
        return len(self._files)

    def take(
        self, folder: Path, files: Iterable[DownloadFile]
    ) -> tuple[list[DownloadFile], list[tuple[DownloadFile, DownloadFile]]]:
        """Take the places below `folder` for `files`. Return those that have theirs, and the others, each with the item
        that has its place until it is over."""
        mine, others = [], []
        real = Path(os.path.realpath(folder))
        for file in files:
            path = real / file.name
            other = self._files.get(path)
            if other is not None and other is not file and other.ended is None:
                others.append((file, other))
            else:
                self._files[path] = file
                mine.append(file)
        return mine, others

    def release(self) -> None:
        """Forget the places of items that are over."""
        self._files = {path: file for path, file in self._files.items() if file.ended is None}
