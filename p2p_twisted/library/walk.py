"""Walk through the shared folders: which files may be shared, under which names, and which are skipped and why.

A file has one name: where one shared folder lies inside another, the files of the inner one are found there only. An
excluded folder, and the state folder of any peer or RS, is never entered. Folders are told apart by device and inode,
so that neither a link nor a mount makes another folder of one; a file that is also in a private folder, by a hard link,
is as private elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..config.folders import holds_state
from .audience import Audience, Audiences, narrower
from .cache import Stamp
from .identity import Identity, identity, identity_of, names_in
from .paths import is_unmentioned, safe_name
from .unshared import Unshared, reason


class Found(NamedTuple):
    """A file found on a walk: its `name` in the shared folder `root`, its whole path, its stamp, who may know of it."""

    root: str
    name: str
    path: str
    stamp: Stamp
    audience: Audience = None


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file with this status."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


class Walk:
    """A walk through the folders `roots`, in their order; not into any of the folders `excluded`.

    Afterwards `folders` maps the path of each folder walked through to its identity, `failures` has the files that
    could not be read, `refused` those that are not shared by rule.
    """

    def __init__(
        self, roots: Sequence[Path], excluded: Collection[Path] = (), audiences: Audiences | None = None
    ) -> None:
        self.folders: dict[str, Identity | None] = {}
        self.failures = Unshared()
        self.refused = Unshared()
        self._excluded = {found for path in excluded if (found := identity(path))}
        self._audiences = audiences or Audiences()
        self._audiences.look()
        identities = {os.fspath(root): identity(root) for root in roots}
        self._roots = {path: self._audiences.of(Path(path), which) for path, which in identities.items()}
        self._entered: set[Identity | None] = set()
        self._elsewhere = {found for found in identities.values() if found}
        """The shared folders: their files are shared from there."""
        self._linked: dict[Identity, Audience] = {}
        """The files in private folders that have several names on the disk, and who may know of them."""

    def files(self) -> Iterator[Found]:
        """Yield all files that may be shared, links not followed, folder after folder.

        The private folders are walked through first: what lies there is private under all its names.
        """
        private = {root: list(self._below(root)) for root, audience in self._roots.items() if audience is not None}
        for root in self._roots:
            yield from private[root] if root in private else self._below(root)

    def _below(self, root: str) -> Iterator[Found]:
        pending = [(root, "", identity(root))]
        while pending:
            folder, prefix, which = pending.pop()
            if which is not None and which in self._entered:
                continue
            self._entered.add(which)
            if why := self._why_not(root, folder, which):
                self.refused.add(folder, why)
                continue
            try:
                with names_in(folder, which) as names:
                    self.folders[folder] = which
                    for name in names:
                        if file := self._look(root, prefix, folder, name, pending):
                            yield file
            except OSError as e:
                self.failures.add(folder, reason(e))

    def _why_not(self, root: str, folder: str, which: Identity | None) -> str | None:
        """Return why this folder is not entered, None if it is."""
        if which in self._excluded or holds_state(folder):
            return "holds the state of a peer or an RS"
        if folder != root and self._audiences.is_private(which):
            return "was a private share; share it anew under its new name"
        return None

    def _look(
        self, root: str, prefix: str, folder: str, entry: str, pending: list[tuple[str, str, Identity | None]]
    ) -> Found | None:
        """Return the `entry` of `folder` if it is a file to share; add it to `pending` if it is a folder to walk."""
        if is_unmentioned(entry):
            return None
        name, path = prefix + entry, os.path.join(folder, entry)  # noqa: PTH118 - for each of many files
        try:
            safe_name(name)
            status = os.lstat(path)
        except FileNotFoundError:
            return None  # it vanished after its folder was read
        except OSError as e:
            self.failures.add(path, reason(e))
            return None
        except ValueError as e:
            self.refused.add(path, "its name is not UTF-8" if isinstance(e, UnicodeError) else str(e))
            return None
        if stat.S_ISREG(status.st_mode):
            return Found(root, name, path, stamp_of(status), self._audience(root, status))
        if stat.S_ISDIR(status.st_mode):
            which = identity_of(status)
            if which not in self._elsewhere and path not in self._roots:
                pending.append((path, f"{name}/", which))
        else:
            link = stat.S_ISLNK(status.st_mode)
            self.refused.add(path, "is a link; links are not followed" if link else "is not a regular file")
        return None

    def _audience(self, root: str, status: os.stat_result) -> Audience:
        """Return who may know of a file with this status in the shared folder `root`."""
        audience, which = self._roots[root], identity_of(status)
        if status.st_nlink > 1 and which is not None:
            audience = narrower(audience, self._linked.get(which))
            if audience is not None:
                self._linked[which] = audience
        return audience


def root_of(path: str, roots: Collection[Path], excluded: Collection[Path]) -> tuple[Path, str]:
    """Return the innermost of the shared folders `roots` that `path` lies in, and the rest of `path`.

    All are real paths. Raises ValueError if `path` lies in none of `roots`, or if one of the `excluded` folders lies
    between the two.
    """
    root = max((one for one in roots if _is_below(path, one)), key=lambda one: len(str(one)))
    if any(_is_below(path, one) and _is_below(str(one), root) for one in excluded):
        raise ValueError("in a folder that is never shared")
    return root, path[len(_prefix(root)) :].replace(os.sep, "/")


def _is_below(path: str, folder: Path) -> bool:
    return path.startswith(_prefix(folder))


def _prefix(folder: Path) -> str:
    text = str(folder)
    return text if text.endswith(os.sep) else text + os.sep
