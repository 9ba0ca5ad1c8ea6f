"""Contents that were received in confidence, from peers that let only some have them. They are not shared on.

They are known by hash, so that neither a new name nor a restart makes one public: a file with such a content is for
this machine only, in the download folder and in every folder to which it was downloaded. What was public already stays
so, and what is fetched from a public source as well becomes public under that name.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.folders import make_private
from .audience import NOBODY

if TYPE_CHECKING:
    from .catalogue import SharedFile

_KEPT, _PUBLIC = "confidential below", "public as"
_Row = tuple[str, str, str]
"""A line of the file: SHA-256, one of these kinds, path of a folder or a file."""
_SHA256 = re.compile("[0-9a-f]{64}")


class Confidential:
    """The contents, kept in the file `path` (None: in memory only). `downloads` is the download folder."""

    def __init__(self, path: Path | None = None, downloads: Path | None = None) -> None:
        """Read the file. Raises OSError if it cannot be read or made, ValueError if a line of it is damaged."""
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

    def _add(self, rows: list[_Row]) -> None:
        if rows and self._path is not None:
            _append(self._path, "".join(f"{json.dumps(row)}\n" for row in rows).encode())
        for row in rows:
            self._remember(*row)

    def _remember(self, sha256: str, kind: str, path: str) -> None:
        paths = self._folders if kind == _KEPT else self._public
        paths.setdefault(sha256, set()).add(path)

    def _read(self, path: Path) -> None:
        """Read all lines. A last one without its end is none: nothing was received before it was whole."""
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            row = _parsed(line)
            if row is None:
                raise ValueError(f"line {number} is damaged")
            self._remember(*row)
        if whole != data:
            os.truncate(path, len(whole))


def _append(path: Path, data: bytes) -> None:
    """Append `data` to the file for good; if that fails, leave the file as it was. Raises OSError."""
    fd = os.open(path, os.O_WRONLY)
    try:
        end = os.lseek(fd, 0, os.SEEK_END)
        try:
            if os.write(fd, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path))
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, end)
            raise
    finally:
        os.close(fd)


def _parsed(line: bytes) -> _Row | None:
    """Return the row in a line, None if it has none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, list) or len(row) != 3 or not all(isinstance(part, str) for part in row):
        return None
    sha256, kind, path = row
    is_row = _SHA256.fullmatch(sha256) is not None and kind in (_KEPT, _PUBLIC) and path.startswith("/")
    return (sha256, kind, path) if is_row else None
