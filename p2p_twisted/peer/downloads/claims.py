"""Which item of which download of this peer is fetched to which path: two never write to one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .model import DownloadFile


class Claims:
    """The places taken by items of running downloads."""

    def __init__(self) -> None:
        self._items: dict[Path, DownloadFile] = {}

    def __len__(self) -> int:
        return len(self._items)

    def take(
        self, folder: Path, items: Iterable[DownloadFile]
    ) -> tuple[list[DownloadFile], list[tuple[DownloadFile, DownloadFile]]]:
        """Take the places below `folder` for `items`. Return those that have theirs, and the others, each with the item
        that has its place until it is over."""
        mine, others = [], []
        real = Path(os.path.realpath(folder))
        for item in items:
            path = real / item.name
            other = self._items.get(path)
            if other is not None and other is not item and other.ended is None:
                others.append((item, other))
            else:
                self._items[path] = item
                mine.append(item)
        return mine, others

    def release(self) -> None:
        """Forget the places of items that are over."""
        self._items = {path: item for path, item in self._items.items() if item.ended is None}
