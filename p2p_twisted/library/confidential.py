"""Contents that were received in confidence, from peers that let only some have them. They are not shared on.

They are known by hash, so that neither a new name nor a restart makes one public: a file with such a content is for
this machine only, in the download folder and in every folder to which it was downloaded. What was public already stays
so, and what is fetched from a public source as well becomes public under that name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.logger import Logger

from ..config.folders import make_private
from .audience import NOBODY

if TYPE_CHECKING:
    from .catalogue import SharedFile

_KEPT, _PUBLIC = "confidential below", "public as"
"""The kinds of the lines of the file: SHA-256, kind, path of a folder or a file."""


class Confidential:
    """The contents, kept in the file `path` (None: in memory only). `downloads` is the download folder."""

    log = Logger()

    def __init__(self, path: Path | None = None, downloads: Path | None = None) -> None:
        """Read the file. Raises OSError if it cannot be read or made."""
        self._path = path
        self._always = set() if downloads is None else {os.path.realpath(downloads)}
        self._folders: dict[str, set[str]] = {}
        self._public: dict[str, set[str]] = {}
        if path is not None:
            make_private(path)
            self._read(path)

    def keeps(self, sha256: str, path: Path) -> bool:
        """Return whether the file at `path`, which has or will have the content `sha256`, is for this machine only."""
        folders = self._folders.get(sha256)
        if folders is None:
            return False
        real = os.path.realpath(path)
        if real in self._public.get(sha256, ()):
            return False
        return any(os.fspath(parent) in folders | self._always for parent in Path(real).parents)

    def narrowed(self, file: SharedFile) -> SharedFile:
        """Return `file`, with nobody as its audience if it is for this machine only."""
        return replace(file, audience=NOBODY) if self.keeps(file.sha256, file.path) else file

    def receive(self, sha256s: Iterable[str], folder: Path, public: Collection[SharedFile] = ()) -> None:
        """Keep the contents `sha256s`, which are about to be downloaded to `folder`; `public` are files shared by now.

        Raises OSError if that cannot be written down; then they must not be downloaded.
        """
        real = os.path.realpath(folder)
        fresh = [sha256 for sha256 in dict.fromkeys(sha256s) if real not in self._folders.get(sha256, ())]
        known = [file for file in public if file.sha256 in fresh and not self.keeps(file.sha256, file.path)]
        rows = [(file.sha256, _PUBLIC, os.path.realpath(file.path)) for file in known]
        self._add(rows + [(sha256, _KEPT, real) for sha256 in fresh])

    def release(self, files: Iterable[tuple[str, Path]]) -> None:
        """Let each file (its SHA-256, its path) be shared: public sources have it. Raises OSError."""
        kept = [(sha256, path) for sha256, path in files if self.keeps(sha256, path)]
        self._add([(sha256, _PUBLIC, os.path.realpath(path)) for sha256, path in kept])

    def _add(self, rows: list[tuple[str, str, str]]) -> None:
        if rows and self._path is not None:
            with self._path.open("ab") as file:
                # After a crash the last line may lack its end.
                file.write(b"\n" + "".join(f"{json.dumps(row)}\n" for row in rows).encode())
                file.flush()
                os.fsync(file.fileno())
        for row in rows:
            self._remember(*row)

    def _remember(self, sha256: str, kind: str, path: str) -> None:
        paths = {_KEPT: self._folders, _PUBLIC: self._public}[kind]
        paths.setdefault(sha256, set()).add(path)

    def _read(self, path: Path) -> None:
        bad = 0
        for line in path.read_bytes().splitlines():
            try:
                if line:
                    self._remember(*map(str, json.loads(line)))
            except (ValueError, TypeError, KeyError, RecursionError):
                bad += 1
        if bad:
            self.log.warn("{path}: {bad} lines cannot be read and are ignored", path=str(path), bad=bad)
