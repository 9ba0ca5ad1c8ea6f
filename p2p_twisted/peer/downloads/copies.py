"""Documents that are not fetched, because this machine has their content already under another name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from ...index.search import Document
from ...library.shared import Library
from ...net.connect import Reactor
from ...swarm.errors import DownloadError, Exists, Taken, Unwritable
from ...swarm.local_copy import copy_file
from ...swarm.target import Target
from ...swarm.verifier import in_thread_until_cancelled
from ...wire.address import Address
from .model import DONE, FAILED, WAITING, DownloadFile

Arrived = Callable[[DownloadFile, Target, str, bytes], object]
"""Told of an item that is in place: its place, SHA-256 (hex) and piece hashes."""


class Copies:
    """Puts documents in place from the library `library`, or from what the same order has put in place before."""

    def __init__(self, reactor: Reactor, library: Library, overwrite: bool, arrived: Arrived) -> None:
        self._reactor = reactor
        self._library = library
        self._overwrite = overwrite
        self._arrived = arrived
        self._places: dict[str, Target] = {}

    def add(self, target: Target, document: Document) -> None:
        """Note that `document` is at `target`."""
        if document.sha256 is not None:
            self._places.setdefault(document.sha256, target)

    async def copy(self, file: DownloadFile, target: Target) -> bool:
        """Put `file` at `target` if its content is here; return whether that was the end of it, well or badly."""
        document = file.document
        if document is None or document.sha256 is None or document.size is None:
            return False
        source = self._open(document.sha256)
        if source is None:
            return False
        sha256, size = document.sha256, document.size
        file.start()
        try:
            pieces = await in_thread_until_cancelled(
                self._reactor, lambda stop: _copy_and_close(source, target, sha256, size, self._overwrite, stop)
            )
        except Taken:
            file.is_taken = True
            return True
        except DownloadError as e:
            file.end(FAILED, e)
            return True
        if pieces is None:  # it is not what it was any more
            self._places.pop(sha256, None)
            file.state, file.started = WAITING, None
            return False
        file.end(DONE)
        self._arrived(file, target, sha256, pieces)
        return True

    def _open(self, sha256: str) -> int | None:
        """A descriptor of a file with this hash, None if there is none."""
        try:
            if sha256 in self._places:
                return self._places[sha256].open("", os.O_RDONLY)
            shared = self._library.by_sha256(sha256)
            return None if shared is None else self._library.open(shared)
        except (OSError, DownloadError):
            return None


def _copy_and_close(source: int, *args: object) -> bytes | None:
    try:
        return copy_file(source, *args)  # type: ignore[arg-type]
    finally:
        os.close(source)


def one_of_each_content(files: Iterable[DownloadFile]) -> list[DownloadFile]:
    """Return those of `files` that are the first of their content; where that is not known, every one."""
    seen: dict[str | int, DownloadFile] = {}
    for number, file in enumerate(files):
        sha256 = file.document.sha256 if file.document is not None else None
        seen.setdefault(sha256 or number, file)
    return list(seen.values())


def share_failures(fetched: Iterable[DownloadFile], files: Sequence[DownloadFile]) -> list[DownloadFile]:
    """Return those of `files` that are not over, now that `fetched` are.

    A content that no peer could give fails under its other names too, unless they are known of other peers; but not
    where only the name was the trouble.
    """
    failed = {file.document.sha256: file for file in fetched if file.document is not None and file.error is not None}
    for file in files:
        other = failed.get(file.document.sha256) if file.document is not None and file.document.sha256 else None
        if file.ended is None and other is not None and _fails_alike(file, other):
            file.end(FAILED, other.error)
    return [file for file in files if file.ended is None]


def _fails_alike(file: DownloadFile, other: DownloadFile) -> bool:
    return not isinstance(other.error, Exists | Unwritable) and _addresses(file) <= _addresses(other)


def _addresses(file: DownloadFile) -> set[Address]:
    return {(holder.host, holder.port) for holder in file.document.holders} if file.document is not None else set()
