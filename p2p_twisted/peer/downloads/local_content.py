"""Content that this machine has already: a document in its place, or the same content under another name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from typing import Any

from ...index.search import Document
from ...library.beneath import close, kind_of
from ...library.shared import Library
from ...net.connect import Reactor
from ...swarm.errors import DownloadError, NameTaken, PartFileInUse, Unwritable
from ...swarm.local_copy import copy_file
from ...swarm.part_file import sha256_of, sweep
from ...swarm.target import Target
from ...swarm.verifier import in_thread_until_cancelled
from ...wire.address import Address
from .model import DONE, FAILED, WAITING, DownloadFile, OnComplete


async def is_there(
    reactor: Reactor, target: Target, found: os.stat_result, document: Document, overwrite: bool
) -> bool:
    """Return whether `document` is at `target`, where something of the status `found` is.

    If it is, the files that an earlier download left beside it are removed. Raises NameTaken if something else is there
    that must stay: a file or a link, unless `overwrite` is true; a folder, a pipe, a socket or a device, always.
    """
    is_file = stat.S_ISREG(found.st_mode)
    sizes = {holder.size for holder in document.holders}
    if is_file and (found.st_size in sizes or None in sizes) and await _has_hash(reactor, target, document.sha256):
        sweep(target)
        return True
    if not is_file and not stat.S_ISLNK(found.st_mode):
        raise NameTaken(
            f"{target.path} already exists and is {kind_of(found)}: move it away, or fetch to another folder"
        )
    if not (overwrite and target.may_replace(found)):
        what = "with other content" if is_file else "and is a link, which is not followed"
        raise NameTaken(f"{target.path} already exists, {what}; say overwrite to replace it")
    return False


async def _has_hash(reactor: Reactor, target: Target, sha256: str | None) -> bool:
    """Return whether the file at `target` has this hash; False if it is None."""
    if sha256 is None:
        return False
    return await in_thread_until_cancelled(reactor, lambda stop: sha256_of(target, stop)) == sha256


class Copies:
    """Copies documents from `library`, or from where the same download has put them before."""

    def __init__(self, reactor: Reactor, library: Library, overwrite: bool, on_complete: OnComplete) -> None:
        self._reactor = reactor
        self._library = library
        self._overwrite = overwrite
        self._on_complete = on_complete
        self._places: dict[str, Target] = {}

    def add(self, target: Target, document: Document) -> None:
        """Note that `document` is at `target`."""
        if document.sha256 is not None:
            self._places.setdefault(document.sha256, target)

    async def copy(self, file: DownloadFile, target: Target) -> bool:
        """Copy the content of `file` to `target` if this machine has it; return whether `file` is settled by that."""
        document = file.document
        if document is None or document.sha256 is None:
            return False
        source = self._open(document.sha256)
        if source is None:
            return False
        sha256, size = document.sha256, os.fstat(source).st_size
        file.start()
        try:
            pieces = await in_thread_until_cancelled(
                self._reactor, lambda stop: _copy_and_close(source, target, sha256, size, self._overwrite, stop)
            )
        except PartFileInUse:
            file.is_taken = True
            return True
        except DownloadError as e:
            file.end(FAILED, e)
            return True
        if pieces is None:  # the file has changed since it was hashed
            self._places.pop(sha256, None)
            file.state, file.started = WAITING, None
            return False
        file.end(DONE)
        self._on_complete(file, target, sha256, pieces)
        return True

    def _open(self, sha256: str) -> int | None:
        """Return a descriptor of a file with this hash, None if there is none."""
        try:
            if sha256 in self._places:
                return self._places[sha256].open("", os.O_RDONLY)
            shared = self._library.by_sha256(sha256)
            return None if shared is None else self._library.open(shared)
        except (OSError, DownloadError):
            return None


def _copy_and_close(source: int, *args: Any) -> bytes | None:
    try:
        return copy_file(source, *args)
    finally:
        close(source)


def one_of_each_content(files: Iterable[DownloadFile]) -> list[DownloadFile]:
    """Return the first of `files` of each content; every one whose content is not known."""
    seen: dict[str | int, DownloadFile] = {}
    for number, file in enumerate(files):
        sha256 = file.document.sha256 if file.document is not None else None
        seen.setdefault(sha256 or number, file)
    return list(seen.values())


def share_failures(fetched: Iterable[DownloadFile], files: Sequence[DownloadFile]) -> list[DownloadFile]:
    """Return those of `files` that have not ended, now that `fetched` have.

    A content that no peer gave fails under its other names too, unless other peers have it under those; but not where
    only its place was the trouble.
    """
    failed = {file.document.sha256: file for file in fetched if file.document is not None and file.error is not None}
    for file in files:
        other = failed.get(file.document.sha256) if file.document is not None and file.document.sha256 else None
        if file.ended is None and other is not None and _fails_alike(file, other):
            file.end(FAILED, other.error)
    return [file for file in files if file.ended is None]


def _fails_alike(file: DownloadFile, other: DownloadFile) -> bool:
    return not isinstance(other.error, NameTaken | Unwritable) and _addresses(file) <= _addresses(other)


def _addresses(file: DownloadFile) -> set[Address]:
    return {(holder.host, holder.port) for holder in file.document.holders} if file.document is not None else set()
