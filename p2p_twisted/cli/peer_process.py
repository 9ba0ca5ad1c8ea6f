"""What the system says of the process of a running peer: its open files and the folders that it watches. Linux only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..config.state_folder import LOCK_FILE, holder

_LIMIT = re.compile(r"^Max open files +(\d+|unlimited)", re.MULTILINE)
_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


@dataclass(frozen=True)
class PeerProcess:
    """A process: the limit of its open files (None without), those open now, and the folders that it watches.

    `max_watches` is the number of folders that all processes of its user may watch.
    """

    max_files: int | None
    files: int
    watches: int
    max_watches: int


def look_at(state_dir: Path) -> PeerProcess | None:
    """Return what is known of the process that runs on `state_dir`; None where the system does not say."""
    pid = holder(state_dir)
    if pid is None:
        return None
    process = Path(f"/proc/{pid}")
    try:
        lock = (state_dir / LOCK_FILE).stat()
        open_files = list((process / "fd").iterdir())
        if not any(_is_same(file, lock) for file in open_files):
            return None  # a process id of another container
        limit = _LIMIT.search((process / "limits").read_text())
        return PeerProcess(
            max_files=None if limit is None or limit[1] == "unlimited" else int(limit[1]),
            files=len(open_files),
            watches=sum(_watches(process / "fdinfo")),
            max_watches=int(_WATCHES.read_text()),
        )
    except (OSError, ValueError):
        return None


def _is_same(file: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(file.stat(), status)
    except OSError:
        return False  # closed meanwhile


def _watches(folder: Path) -> Iterator[int]:
    for file in folder.iterdir():
        try:
            yield file.read_text().count("inotify wd:")
        except OSError:
            continue
