"""The file in which a peer keeps the downloads that have not ended, so that a restart goes on with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from ...config.folders import read_private, replace_private
from .model import Download

MAX_SIZE = 16 * 2**20
"""Characters of the file that are read."""

Order = tuple[Download, bool]
"""A download, and whether the user has paused it."""


class OrderFile:
    """The file ``orders`` of a state folder: a line of JSON for each download."""

    log = Logger()

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "orders"

    def load(self) -> list[Order]:
        """Return the downloads, without lines that cannot be read; none if there is no file."""
        return list(_read(read_private(self._path, MAX_SIZE)))

    def save(self, orders: Iterable[Order]) -> None:
        """Replace the file; log it when that cannot be done."""
        try:
            replace_private(self._path, "".join(f"{json.dumps(_written(*one))}\n" for one in orders))
        except OSError as e:
            self.log.warn("downloads cannot be saved in {file}: {why}", file=str(self._path), why=e.strerror)


def _written(download: Download, is_paused: bool) -> dict[str, Any]:
    return {
        "id": download.id,
        "names": download.names,
        "dir": str(download.directory),
        "overwrite": download.overwrite,
        "swarm": download.swarm,
        "from": download.holders,
        "started": download.started,
        "paused": is_paused,
    }


def _read(text: str) -> Iterator[Order]:
    for line in text.split("\n"):
        try:
            yield _order(json.loads(line))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue  # a damaged line: that download is not resumed


def _order(values: dict[str, Any]) -> Order:
    names, holders = values["names"], values["from"]
    download = Download(
        str(values["id"]),
        None if names is None else [str(name) for name in names],
        Path(values["dir"]),
        bool(values["overwrite"]),
        bool(values["swarm"]),
        None if holders is None else [(str(host), int(port)) for host, port in holders],
        started=float(values["started"]),
    )
    return download, bool(values["paused"])
