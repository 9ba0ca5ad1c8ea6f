"""Before a download begins, write down which of its contents are received in confidence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...library.shared import Library
from ...swarm.errors import Unwritable
from .model import FAILED, DownloadFile


def note_confidential(library: Library, directory: Path, files: Iterable[DownloadFile]) -> None:
    """Note in `library` what of `files`, about to be fetched to `directory`, may not be shared on, and what may.

    Files of which that cannot be noted fail.
    """
    known = [(file, file.document.sha256, file.document) for file in files if file.document and file.document.sha256]
    private = {sha256: file for file, sha256, document in known if document.private}
    public = [(sha256, directory / file.name) for file, sha256, document in known if not document.private]
    shared = [file for file in library.public.values() if file.sha256 in private] if private else []
    try:
        library.confidential.receive(private, directory, shared)
        library.confidential.release(public)
    except OSError as e:
        error = Unwritable(f"it cannot be noted that this file is not to be shared: {e.strerror}")
        for file, _, document in known:
            if document.private:
                file.end(FAILED, error)
