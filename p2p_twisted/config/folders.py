"""Paths as people write them, the state folder where none is named, and files for their owner alone."""

from __future__ import annotations

import os
from pathlib import Path

STATE_MARK = ".p2p-state"
"""A file in each state folder. No document has such a name, so that nobody can make a folder look like one."""


def holds_state(folder: str | Path) -> bool:
    """Return whether `folder` is the state folder of a peer or an RS, this one's or another's."""
    return os.path.lexists(os.path.join(folder, STATE_MARK))  # noqa: PTH118 - it is asked of every folder on a walk


def expand(text: str) -> Path:
    """Return the path `text` with ``~`` and ``~user`` expanded. Raises ValueError that says what `text` must be."""
    if not text or "\0" in text:
        raise ValueError("must be the path of a folder")
    expanded = os.path.expanduser(text)  # noqa: PTH111 - to a Path, "./~" is "~"
    if text.startswith("~") and expanded == text:
        user = text.partition(os.sep)[0]
        why = "no home folder is known (HOME is not set)" if user == "~" else "there is no such user"
        raise ValueError(f"must be written without {user!r}, as {why}")
    return Path(expanded)


def folder(text: str) -> Path:
    """Return the path `text`, ``~`` expanded, relative to the folder one is in. Raises ValueError as `expand` does."""
    try:
        return expand(text).absolute()
    except FileNotFoundError:
        raise ValueError("must be an absolute path, as the current folder was removed") from None


def default_state_dir(role: str) -> str:
    """Return where this user's state folder of the role "peer" or "rs" is, with ``~`` if there is no home folder."""
    from platformdirs import user_state_path

    try:
        return str(user_state_path("p2p_twisted", appauthor=False) / role)
    except RuntimeError:  # no home folder; older versions of platformdirs leave the `~` by themselves
        return f"~/.local/state/p2p_twisted/{role}"


def tighten(*paths: Path) -> None:
    """Take the rights of others from those files of `paths` that are there. Raises OSError."""
    for path in paths:
        if path.exists() and path.stat().st_mode & 0o077:
            path.chmod(0o600)


def make_private(path: Path) -> None:
    """Make the empty file `path` if there is none; in any case it is for its owner alone. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    tighten(path)


def make_database_private(path: Path) -> None:
    """Make the SQLite file `path` and what lies beside it as `make_private` does, before it is opened.

    What SQLite makes beside it later takes the file's mode. If it cannot be done, SQLite cannot open the file either,
    and says so.
    """
    try:
        make_private(path)
        tighten(*(path.with_name(path.name + end) for end in ("-wal", "-shm")))
    except OSError:
        pass
