"""Which contents are received in confidence: written down before a download begins, and until public sources have some.

A record alone makes nothing public: whoever knows the hash of a private document can say that he shares it with all.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...index.search import Document
from ...library.shared import Library
from ...swarm.errors import Unwritable
from ...wire.address import Address
from .model import FAILED, DownloadFile


def note_confidential(library: Library, directory: Path, files: Iterable[DownloadFile]) -> None:
    """Note in `library` what of `files`, about to be fetched to `directory`, may not be shared on.

    That is what a holder lets only some have, and what this machine has itself for some only. Files of which that
    cannot be noted fail.
    """
    known = [(file, file.document) for file in files if file.document is not None]
    private = [(file, one.sha256) for file, one in known if one.sha256 is not None and _is_private(library, one)]
    hashes = {sha256 for _, sha256 in private}
    shared = [file for file in library.public.values() if file.sha256 in hashes] if hashes else []
    try:
        library.confidential.receive(hashes, directory, shared)
    except OSError as e:
        error = Unwritable(f"it cannot be noted that this file is not to be shared: {e.strerror}")
        for file, _ in private:
            file.end(FAILED, error)


def note_source(library: Library, file: DownloadFile, path: Path, source: Address) -> bool:
    """Note that `source` has sent some of `file`, or all; return whether that makes it public, at `path`.

    It does if `source` shares it with all.
    """
    document = file.document
    if document is None or document.sha256 is None or not library.confidential.keeps(document.sha256, path):
        return False
    records = [one for one in document.holders if (one.host, one.port) == source and one.sha256 == document.sha256]
    if not records or any(record.private for record in records):
        return False
    try:
        library.confidential.release([(document.sha256, path)])
    except OSError:
        return False  # it stays for this machine only
    return True


def _is_private(library: Library, document: Document) -> bool:
    if any(holder.private for holder in document.holders):
        return True
    sha256 = document.sha256 or ""
    return library.by_sha256(sha256) is not None and library.find("", sha256, None) is None
