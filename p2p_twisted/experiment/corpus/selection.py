"""The choice of documents from a folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...library.paths import name_of


def choose(directory: Path, count: int) -> list[Path]:
    """Return the last ``count`` files of a folder and its subfolders, in natural order of names: of RFCs, the newest.

    Only files that a peer would share count: no links, nothing hidden, no unfinished downloads. Raises
    FileNotFoundError or NotADirectoryError if there is no such folder.
    """
    if not directory.is_dir():
        raise (NotADirectoryError if directory.exists() else FileNotFoundError)(f"{directory} is not a folder")
    found = [Path(folder, file) for folder, _, files in os.walk(directory) for file in files]
    names = {path: name_of(directory, path) for path in found if path.is_file() and not path.is_symlink()}
    return sorted((path for path, name in names.items() if name), key=lambda path: natural(names[path] or ""))[-count:]


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key in which digits count as numbers: rfc791 comes before rfc8446."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), "") if "0" <= part[0] <= "9" else (1, 0, part) for part in parts]
