"""Which documents a download of all leaves out, so that no name in another's index makes it fail or does harm."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ...library.look_alikes import look_alikes
from ...library.paths import why_tricky


def skipped_names(holders: Mapping[str, int], own: Collection[str]) -> dict[str, str]:
    """Return the names to skip, each with the reason.

    `holders` has the number of holders of each name that might be fetched, `own` the names that this peer has itself.
    Where the name of a file is that of a folder in another name, only one of both can be fetched: the one that is
    here already, else the file. Anybody could invent names below it, and many holders of them.
    """
    found = {name: why for name in holders if (why := why_tricky(name)) is not None}
    found = look_alikes({name: number for name, number in holders.items() if name not in found}, own) | found
    own_names, own_folders = set(own), {folder for name in own for folder in _folders(name)}
    for name in holders:
        if name in own_folders:
            found.setdefault(name, "a folder here has this name")
        elif file := next((folder for folder in _folders(name) if folder in own_names), None):
            found.setdefault(name, f"{file} is a file here")
    files = holders.keys() - found.keys()
    for name in files:
        if file := next((folder for folder in _folders(name) if folder in files), None):
            found[name] = f"{file} is a file at others"
    return found


def _folders(name: str) -> Iterator[str]:
    """Yield the names of the folders in which `name` lies, the outermost first."""
    end = name.find("/")
    while end >= 0:
        yield name[:end]
        end = name.find("/", end + 1)
