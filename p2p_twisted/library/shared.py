"""The library: the files in the shared folders, kept true to the disk while it runs. Lives in the reactor's thread."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.internet.interfaces import IReactorThreads, IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool

from .cache import HashCache, Hashes, Stamp
from .catalogue import Catalogue, SharedFile
from .paths import name_of, open_beneath
from .pieces import list_length
from .roots import RootWatch
from .scan import batches, differing, matches, read_files, survey, with_hashes
from .unshared import Unshared, reason
from .walk import Found, Identity, stamp_of
from .watch import Watch

SLICE = 1000
"""Changes made known in one turn of the reactor."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Changed(FileNotFoundError):
    """A shared file has another time than when it was read, and the same size: it is to be read again."""


class Reactor(IReactorTime, IReactorThreads):
    """What a library needs of a reactor; for inotify also IReactorFDSet."""


class Library(Catalogue):
    """The files shared from `folders`, by name; where two folders have a file of the same name, the first counts.

    What was fetched into the folder `downloads` comes after all others, so that what a peer shares keeps its name. What
    lies in one of the folders `private` is never shared.

    A file of another size is removed at once, and added again when it has been read; one that was only touched stays
    meanwhile. `hashed` counts the files read so far.
    `unshared` is what the last scan found and left out.
    """

    def __init__(
        self,
        reactor: Reactor,
        folders: Sequence[Path],
        cache: HashCache,
        downloads: Path | None = None,
        private: Sequence[Path] = (),
    ) -> None:
        super().__init__()
        self.hashed = 0
        self.unshared = Unshared()
        self._reactor = reactor
        self._shared = [_real(folder) for folder in folders]
        self._downloads = [] if downloads is None else [_real(downloads)]
        self._private = private
        self._cache = cache
        self._unsaved: list[tuple[str, Stamp, Hashes]] = []
        self._said: set[str] = set()
        self._asked: list[Deferred[None]] = []
        self._scanning = False
        self._stopping = Event()
        self._watch = Watch(reactor, self.scan)
        self._root_watch = RootWatch(reactor, lambda: self.folders, self._in_thread, self.scan)

    @property
    def is_scanning(self) -> bool:
        """Whether a scan is under way: what is not shared now may be in a moment."""
        return self._scanning

    @property
    def folders(self) -> Sequence[Path]:
        """The shared folders, links resolved, those that count first first."""
        return tuple(dict.fromkeys([*self._shared, *self._downloads]))

    def start(self) -> Deferred[None]:
        """Scan now, and then whenever something may have changed. Fires after the first scan; never fails."""
        self._stopping.clear()
        self._watch.start()
        if self._watch.is_told:
            self._root_watch.start()
        return self.scan()

    def stop(self) -> Deferred[None]:
        """Stop scanning and reading. Fires when no thread is at work any more and the cache may be closed."""
        self._watch.stop()
        self._root_watch.stop()
        self._stopping.set()
        return self.scan()  # waits for the one under way, and does nothing itself

    def scan(self) -> Deferred[None]:
        """Bring the library up to date with the disk as it is now or later; a scan under way is waited for first.

        Walks and reads in threads. Fires when all is read; never fails: what cannot be read is logged and left out.
        """
        done: Deferred[None] = Deferred()
        self._asked.append(done)
        if not self._scanning:
            self._scanning = True
            Deferred.fromCoroutine(self._scan_while_asked())
        return done

    def add_folder(self, path: Path) -> Deferred[None]:
        """Share the folder `path` too; fires when it has been read. Fails with NotADirectoryError if it is none."""
        folder = _real(path)
        if not folder.is_dir():
            return fail(NotADirectoryError(errno.ENOTDIR, "is not a folder", str(path)))
        if folder not in self.folders:
            self._shared.append(folder)
        return self.scan()

    def add_file(self, folder: Path, path: Path, sha256: str, pieces: bytes, title: str = "") -> SharedFile:
        """Share at once the file at `path` in the shared folder `folder`, whose hashes are known to be right: a
        verified download. It is not read again. Returns what is shared under its name, which is the file of an
        earlier folder if that has one. Below a shared folder in `folder`, the name is that of the inner one.

        Raises FileNotFoundError if it is not there, ValueError if it is in no shared folder or in a private one, has a
        name that may not be shared, or `pieces` is not the list for its size.
        """
        found = self._find(_real(folder), name_of(folder, path))
        if len(pieces) != list_length(found.stamp.size):
            raise ValueError(f"{path}: {len(pieces)} bytes of piece digests for {found.stamp.size} bytes")
        current = self._files.get(found.name)
        if current is not None and self.folders.index(current.root) < self.folders.index(Path(found.root)):
            return current
        hashes = Hashes(sha256, pieces, title)
        self._unsaved.append((found.path, found.stamp, hashes))
        file = with_hashes(found, hashes)
        self.apply([file], [])
        return file

    def open(self, file: SharedFile) -> int:
        """Open `file` for reading; returns the file descriptor, the caller's to close.

        Raises FileNotFoundError when it is gone, leads out of its folder by now, or is no longer of the same size;
        Changed when its time is another, or another file has its place; OSError when no descriptor is left.
        """
        fd = open_beneath(file.root, file.name)
        status = os.fstat(fd)
        if stamp_of(status) == (file.size, file.mtime_ns, file.inode):
            return fd
        os.close(fd)
        kind = Changed if status.st_size == file.size else FileNotFoundError
        raise kind(errno.ENOENT, "has changed since it was read", file.name)

    def _find(self, folder: Path, name: str | None) -> Found:
        if folder not in self.folders or name is None:
            raise ValueError("not in a shared folder, or not a name that may be shared")
        path = folder / name
        root = max((one for one in self.folders if one in path.parents), key=lambda one: len(one.parts))
        if any(root in private.parents and private in path.parents for private in map(_real, self._private)):
            raise ValueError("in a folder that is never shared")
        name = path.relative_to(root).as_posix()
        fd = open_beneath(root, name)
        try:
            return Found(os.fspath(root), name, os.fspath(path), stamp_of(os.fstat(fd)))
        finally:
            os.close(fd)

    async def _scan_while_asked(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            folders = None
            try:
                folders = await self._scan_once()
            except Exception as e:
                self.log.failure("a scan of the shared folders failed")
                self.unshared = Unshared()
                self.unshared.add(", ".join(map(str, self.folders)), f"the last scan failed: {reason(e)}")
            self._watch.scanned(folders)
            for done in asked:
                done.callback(None)
        self._scanning = False

    async def _scan_once(self) -> Mapping[str, Identity | None] | None:
        """The folders walked through, and which they are."""
        rows, self._unsaved = self._unsaved, []
        if rows:
            await self._in_thread(self._cache.put, rows)
        if self._stopping.is_set():
            return None
        found = await self._in_thread(survey, self.folders, dict(self._files), self._cache, self._private)
        # What was added again since the walk stays.
        gone = [old.name for old in found.gone if self._files.get(old.name) is old]
        await self._apply_in_slices(found.cached, gone)
        small, big = batches(found.unread)
        readers = self._read([small, big], found.failures), self._read([big], found.failures)
        await gatherResults(map(Deferred.fromCoroutine, readers), consumeErrors=True)
        if found.shadowed:
            others = await self._in_thread(differing, found.shadowed, dict(self._files), self._cache, self._stopping)
            found.refused.extend(others)
        self._report(found.failures, found.refused)
        return found.folders

    def _report(self, failures: Unshared, refused: Unshared) -> None:
        """Keep what is not shared, failures first, and log what was not said after the scan before."""
        for line in failures.lines():
            if line not in self._said:
                self.log.warn("not shared: {problem}", problem=line)
        for line in refused.lines():
            if line not in self._said:
                self.log.info("not shared: {line}", line=line)
        self._said = {*failures.lines(), *refused.lines()}
        failures.extend(refused)
        self.unshared = failures

    async def _read(self, queues: Sequence[deque[list[Found]]], failures: Unshared) -> None:
        """Read the batches of `queues`, which the readers share, one after the other."""
        for queue in queues:
            while queue and not self._stopping.is_set():
                # A download may have been added since the walk.
                batch = [found for found in queue.popleft() if not matches(found, self._files.get(found.name))]
                reading = await self._in_thread(read_files, batch, self._cache, self._stopping)
                failures.extend(reading.failures)
                self.hashed += len(reading.files)
                self.apply(reading.files, [name for name in reading.unreadable if name in self._files])

    async def _apply_in_slices(self, added: list[SharedFile], removed: list[str]) -> None:
        """`apply`, but let the reactor turn in between."""
        for start in range(0, max(len(added), len(removed)), SLICE):
            if start:
                await deferLater(self._reactor, 0)
            part = slice(start, start + SLICE)
            self.apply(added[part], removed[part])

    def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *args, **kwargs)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
