"""The folders of a peer: checked, made and opened before it starts."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from ..config.startup import StartError
from ..config.state_folder import make_state_folder
from ..library.cache import HashCache
from ..library.confidential import Confidential
from ..library.identity import is_within
from .settings import PeerSettings


def check_folders(settings: PeerSettings) -> None:
    """Make the folders of state and downloads. Raises StartError, also for a shared folder that cannot be shared."""
    shared = [share.folder for share in settings.share]
    for folder in shared:
        if not folder.is_dir():
            quoted = "" if all(share.readers is None for share in settings.share) else '; a list of names stands in ""'
            raise StartError(f"share folder {folder} does not exist; create it, or name another with --share{quoted}")
    make_state_folder(settings.state_dir)
    _make_download_folder(settings.download_dir)
    for folder in [settings.download_dir, *shared]:
        if why := holds_state(folder, settings):
            raise StartError(f"{why}, or keep the state elsewhere with --state-dir")


def _make_download_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as e:
        remedy = "name a folder that this user can write to with --download-dir"
        raise StartError(f"download folder {folder}: {e.strerror}; {remedy}") from e


def holds_state(folder: Path, settings: PeerSettings) -> str | None:
    """Return why `folder` may not be shared: it lies in the state folder, but not among the downloads; else None."""
    state, downloads = settings.state_dir, settings.download_dir
    if not is_within(folder, state):
        return None
    if is_within(downloads, state) and not is_within(state, downloads) and is_within(folder, downloads):
        return None
    return f"{folder} holds the state of this peer, its key and cookie, and is never shared; name another folder"


def open_cache(path: Path) -> HashCache:
    """Open the cache of hashes. Raises StartError."""
    try:
        return HashCache(path)
    except sqlite3.OperationalError as e:
        raise StartError(f"hash cache {path}: {e}; move it away, and the shared files are hashed again") from e


def open_confidential(settings: PeerSettings) -> Confidential:
    """Read what this peer must not share on. Raises StartError."""
    path = settings.state_dir / "confidential"
    try:
        return Confidential(path, settings.download_dir)
    except (OSError, ValueError) as e:
        why = getattr(e, "strerror", e)
        raise StartError(f"{path}: {why}; mend it, or remove it and share what was received in confidence") from e
