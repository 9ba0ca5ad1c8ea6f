"""Shares as people write them: a folder for everybody, or DIR:NAME,@GROUP for some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .folders import expand, folder
from .names import is_name

GROUP_MARK = "@"
"""Precedes the name of a group."""


@dataclass(frozen=True)
class Share:
    """A folder to share with `readers`, names of peers and @groups; None: with everybody."""

    folder: Path
    readers: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return str(self.folder) if self.readers is None else f"{self.folder}:{','.join(self.readers)}"


def parse_share(text: str) -> Share:
    """Return the share that `text` stands for. Raises ValueError, which says what it must be.

    What follows the last colon are readers if it looks like names, and what precedes it is a folder. A folder whose own
    name is like that is written with a slash at its end.
    """
    path, colon, rest = text.rpartition(":")
    names = tuple(name.strip() for name in rest.split(","))
    if not colon or not all(map(_is_reader, names)):
        if colon and not rest.strip(" ,") and not _is_folder(text) and _is_folder(path):
            raise ValueError("must have the names of peers behind the colon")
        return Share(folder(text))
    if not _is_folder(path):
        return Share(folder(text))
    if _is_folder(text):
        raise ValueError(f"means two things; write {text}/ for the folder of that name, or rename it")
    return Share(folder(path), names)


def parse_readers(text: str) -> tuple[str, ...]:
    """Return the readers in a list of names and @groups. Raises ValueError, which says what it must be."""
    names = tuple(name.strip() for name in text.split(","))
    check_readers(names)
    return names


def check_readers(names: Sequence[str]) -> None:
    """Raise ValueError, which says what each must be, unless there are some of `names` and they are readers."""
    if not names or not all(map(_is_reader, names)):
        raise ValueError("must be the names of peers, as in their certificates, or groups such as @readers")


def members(readers: Sequence[str], groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the names of all peers among `readers` and in their groups. Raises ValueError for an unknown group."""
    found: set[str] = set()
    for reader in readers:
        if not reader.startswith(GROUP_MARK):
            found.add(reader)
        elif reader[1:] in groups:
            found |= groups[reader[1:]]
        else:
            raise ValueError(f"there is no group {reader[1:]} in [groups] of the config file; add it, or name peers")
    return frozenset(found)


def _is_reader(text: str) -> bool:
    return is_name(text.removeprefix(GROUP_MARK))


def _is_folder(text: str) -> bool:
    try:
        return expand(text).is_dir()
    except (OSError, ValueError):
        return False
