"""Paths as people write them, the default state folder, and files that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path

STATE_MARK = ".p2p-state"
"""A file in each state folder. No document can have this name, so a download cannot fake a state folder."""


def holds_state(folder: str | Path) -> bool:
    """Return whether `folder` is the state folder of any peer or RS."""
    return os.path.lexists(os.path.join(folder, STATE_MARK))  # noqa: PTH118 - it is asked of every folder on a walk


def expand(text: str) -> Path:
    """Return the path `text` with ``~`` and ``~user`` expanded. Raises ValueError, which says what `text` must be."""
    if not text or "\0" in text:
        raise ValueError("must be the path of a folder")
    expanded = os.path.expanduser(text)  # noqa: PTH111 - to a Path, "./~" is "~"
    if text.startswith("~") and expanded == text:
        user = text.partition(os.sep)[0]
        why = "no home folder is known (HOME is not set)" if user == "~" else "there is no such user"
        raise ValueError(f"must be written without {user!r}, as {why}")
    return Path(expanded)


def folder(text: str) -> Path:
    """Return the absolute path of `text`, with ``~`` expanded. Raises ValueError as `expand` does."""
    try:
        return expand(text).absolute()
    except FileNotFoundError:
        raise ValueError("must be an absolute path, as the current folder was removed") from None


def default_state_dir(role: str) -> str:
    """Return the default state folder of the role "peer" or "rs", with ``~`` if there is no home folder."""
    from platformdirs import user_state_path

    try:
        return str(user_state_path("p2p_twisted", appauthor=False) / role)
    except RuntimeError:  # no home folder; older versions of platformdirs leave the `~` in the path
        return f"~/.local/state/p2p_twisted/{role}"


def tighten(*paths: Path) -> None:
    """Remove the rights of other users from the `paths` that exist. Raises OSError."""
    for path in paths:
        if path.exists() and path.stat().st_mode & 0o077:
            path.chmod(0o600)


def make_private(path: Path) -> None:
    """Create the file `path` if it does not exist, and restrict it to its owner. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    tighten(path)


def read_private(path: Path, most: int) -> str:
    """Return the text of the file `path`, at most so many characters, and restrict it to its owner.

    "" if it cannot be read.
    """
    try:
        tighten(path)
        with path.open(encoding="utf-8") as file:
            return file.read(most)
    except (OSError, UnicodeDecodeError):
        return ""


def replace_private(path: Path, text: str) -> None:
    """Replace the file `path` by one with `text` that is its owner's only. Raises OSError; then it is as before."""
    fresh = path.with_suffix(".new")
    make_private(fresh)
    fresh.write_text(text)
    fresh.replace(path)


def make_database_private(path: Path) -> None:
    """Apply `make_private` to the SQLite file `path` and the files beside it, before the database is opened.

    Files that SQLite creates later take the mode of `path`. If this fails, SQLite cannot open the file either, and
    reports it.
    """
    try:
        make_private(path)
        tighten(*(path.with_name(path.name + end) for end in ("-wal", "-shm")))
    except OSError:
        pass
