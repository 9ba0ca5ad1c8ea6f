"""What is in the place of a document that is wanted, and whether it was fetched for a want. For threads."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from ...library.cache import Stamp
from ...library.walk import stamp_of
from ...swarm.errors import DownloadError
from ...swarm.part_file import sha256_of
from ...swarm.target import Target
from .decision import Place
from .want_file import KeptFile

MAX_HASHES = 10_000
"""Most hashes that are remembered; if there are more, these files are read again."""


@dataclass(frozen=True)
class Found:
    """What is in a `place`, with its stamp; `kept`: what is known of it from now on. `error`: why it cannot be used."""

    place: Place | None = None
    stamp: Stamp | None = None
    kept: KeptFile | None = None
    error: str | None = None


class Places:
    """Looks at places, in one thread at a time. Files that are not known by their stamp are read, once."""

    def __init__(self) -> None:
        self._hashes: dict[str, tuple[Stamp, str]] = {}
        self._stop = Event()

    def stop(self) -> None:
        """Read no further file."""
        self._stop.set()

    def find(self, folder: Path, name: str, kept: KeptFile | None, sizes: Collection[int | None]) -> Found:
        """Look at the place of the document `name` below `folder`, of which it is known what was `kept` there.

        `sizes` are those of the contents that may be wanted, in bytes: a file of another size is none of them.
        """
        try:
            target = Target(folder, name)
            target.check_place()
            status = target.status()
        except DownloadError as e:
            return Found(kept=kept, error=str(e))
        if status is None:
            return Found(kept=kept)
        if not stat.S_ISREG(status.st_mode):
            return Found(Place(""), kept=kept)
        return self._file(target, stamp_of(status), kept, sizes)

    def _file(self, target: Target, stamp: Stamp, kept: KeptFile | None, sizes: Collection[int | None]) -> Found:
        if kept is not None and kept.here is not None and kept.stamp == stamp:
            return Found(Place(kept.here.sha256, kept.here.holders), stamp, kept)
        if kept is None and stamp.size not in sizes:
            return Found(Place(""), stamp)
        sha256 = self._sha256(target, stamp)
        for content in () if kept is None else (kept.here, kept.coming):
            if kept is not None and content is not None and content.sha256 == sha256:
                coming = kept.coming if content is kept.here else None
                return Found(
                    Place(sha256, content.holders), stamp, replace(kept, here=content, stamp=stamp, coming=coming)
                )
        return Found(Place(sha256), stamp, kept)

    def _sha256(self, target: Target, stamp: Stamp) -> str:
        """Return the SHA-256 of the file (hex), "" if it cannot be read."""
        path = os.fspath(target.path)
        known = self._hashes.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        sha256 = sha256_of(target, self._stop)
        if sha256 is None:
            return ""
        if len(self._hashes) >= MAX_HASHES:
            self._hashes.clear()
        self._hashes[path] = stamp, sha256
        return sha256


def remove(folder: Path, name: str, stamp: Stamp) -> bool:
    """Remove the file `name` below `folder` if it still has this stamp; return whether it is gone."""
    try:
        target = Target(folder, name)
        status = target.status()
        if status is not None and stamp_of(status) == stamp:
            target.remove("")
        return target.status() is None
    except DownloadError:
        return False


def stamp_at(folder: Path, name: str) -> Stamp | None:
    """Return the stamp of the file `name` below `folder`, None if it is gone."""
    try:
        status = Target(folder, name).status()
    except DownloadError:
        return None
    return None if status is None else stamp_of(status)
