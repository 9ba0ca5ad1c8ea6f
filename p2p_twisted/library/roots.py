"""The shared folders, and changes of their identity that the kernel does not report."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from .audience import Audience, Audiences, described
from .identity import identity, real, resolved
from .paths import open_beneath
from .walk import Found, root_of, stamp_of

INTERVAL = 0.5
"""Seconds between two checks of the shared folders."""


class SharedFolders:
    """The shared folders in order of precedence: `shared`, then the download folder if there is one.

    `real` has their paths at the last walk, links resolved. `audiences` has those of the private ones. Files in one of
    the folders `excluded` are never shared.
    """

    def __init__(
        self,
        shared: Sequence[Path],
        downloads: Path | None,
        excluded: Sequence[Path] = (),
        audiences: Audiences | None = None,
    ) -> None:
        self.excluded = excluded
        self.audiences = audiences or Audiences()
        self._shared = [folder.absolute() for folder in shared]
        self._downloads = [] if downloads is None else [downloads.absolute()]
        self.real = resolved(self.named())
        self._real_excluded = resolved(excluded)

    def named(self) -> tuple[Path, ...]:
        """Return the folders as they were named: one may be a link that leads elsewhere by now."""
        return *self._shared, *self._downloads

    def audience(self, root: Path) -> Audience:
        """Return who may know of the files in one of the folders `real`."""
        return self.audiences.of(root, identity(root))

    def add(self, folder: Path, audience: Audience) -> None:
        """Share `folder` with `audience` too, before the downloads.

        Raises NotADirectoryError if it is no folder, ValueError if it has another audience.
        """
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is not a folder", str(folder))
        shared = self.audience(real(folder)) if real(folder) in self.real else audience
        if shared != audience:
            raise ValueError(f"{folder} is shared with {described(shared)} already; stop the peer to change that")
        self.audiences.add(folder, audience)
        if real(folder) not in self.real:
            self._shared.append(folder.absolute())
            self.real = resolved(self.named())

    def remove(self, folder: Path) -> None:
        """Share `folder` no more. Raises ValueError if it is not shared, or is the download folder."""
        there = [shared for shared in self._shared if real(shared) == real(folder)]
        if not there and real(folder) in map(real, self._downloads):
            raise ValueError(f"{folder} is the download folder, which is always shared")
        if not there:
            raise ValueError(f"{folder} is not a shared folder")
        self._shared = [shared for shared in self._shared if shared not in there]
        self.real = resolved(self.named())

    def find(self, folder: Path, name: str | None) -> Found:
        """Find the file `name` in the shared folder `folder`, under its name in the innermost shared folder.

        Raises FileNotFoundError, and ValueError if `folder` is not shared, or it may not be shared from there.
        """
        if folder not in self.real or name is None:
            raise ValueError("not in a shared folder, or not a name that may be shared")
        path = os.path.join(folder, name)  # noqa: PTH118 - for each of many files
        root, name = root_of(path, self.real, self._real_excluded)
        fd = open_beneath(root, name)
        try:
            return Found(os.fspath(root), name, path, stamp_of(os.fstat(fd)), self.audience(root))
        finally:
            os.close(fd)

    def walked(self, named: tuple[Path, ...], roots: tuple[Path, ...]) -> None:
        """Note that a walk found the folders `named` at `roots`."""
        if named == self.named():
            self.real = roots
            self._real_excluded = resolved(self.excluded)


class _State(NamedTuple):
    """The identity of a folder and its rights: device, inode, mode, owner and group."""

    device: int
    inode: int
    mode: int
    uid: int
    gid: int


class RootWatch:
    """Calls `changed` when one of the folders `roots()` appeared, vanished, was replaced or got other rights.

    A folder can be moved with its parent, replaced, or mounted over: inotify goes on watching the old one.
    `look` runs a function in a thread, because a network disk may hang.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        roots: Callable[[], Sequence[Path]],
        look: Callable[..., Deferred[list[_State | None]]],
        changed: Callable[[], object],
    ) -> None:
        self._reactor = reactor
        self._roots = roots
        self._in_thread = look
        self._changed = changed
        self._running = False
        self._next: IDelayedCall | None = None
        self._seen: dict[Path, _State | None] = {}

    def start(self) -> None:
        """Start; the first check records the present state."""
        self._running = True
        self._look()

    def stop(self) -> None:
        """Stop."""
        self._running = False
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _look(self) -> None:
        roots = self._roots()
        self._in_thread(_states, roots).addCallback(self._looked, roots)

    def _looked(self, states: list[_State | None], roots: Sequence[Path]) -> None:
        if not self._running:
            return
        before, self._seen = self._seen, dict(zip(roots, states, strict=True))
        if any(before[root] != state for root, state in self._seen.items() if root in before):
            self._changed()
        self._next = self._reactor.callLater(INTERVAL, self._look)


def _states(roots: Sequence[Path]) -> list[_State | None]:
    return [_state(root) for root in roots]


def _state(root: Path) -> _State | None:
    try:
        status = root.stat()
    except OSError:
        return None
    return _State(status.st_dev, status.st_ino, status.st_mode, status.st_uid, status.st_gid)
