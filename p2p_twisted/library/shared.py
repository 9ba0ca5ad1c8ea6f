"""The library: the files in the shared folders, kept up to date with the disk. For the reactor's thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorThreads, IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool

from ..events.publisher import Publisher
from .audience import Audience, Audiences
from .cache import HashCache, Hashes, Stamp
from .catalogue import Catalogue, SharedFile
from .confidential import Confidential
from .identity import Identity, real
from .paths import name_of
from .pieces import list_length
from .readers import Readers
from .roots import RootWatch, SharedFolders
from .scan import differing, matches, read_files, survey, with_hashes
from .scan_schedule import ScanSchedule
from .unshared import Report, Unshared, reason
from .walk import Found, root_of, stamp_of

SLICE = 1000
"""Changes published in one turn of the reactor."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Reactor(IReactorTime, IReactorThreads):
    """The parts of a reactor that a library needs; for inotify also IReactorFDSet."""


class Library(Catalogue):
    """The files shared from `folders`, by name; where two folders have a file of the same name, the first counts.

    The folder `downloads` comes after all others, so that a download never takes the name of a shared file. Files in
    one of the folders `excluded` are never shared, those in one of the folders `audiences` with its audience only.

    A file whose size has changed is removed at once and added again when it has been read; one that was only touched
    stays meanwhile. `hashed` counts the files read so far. Without `reports`, other changes are found half a minute
    later: to begin and end the reports of the kernel takes it 0.01 s.
    """

    def __init__(
        self,
        reactor: Reactor,
        folders: Sequence[Path],
        cache: HashCache,
        downloads: Path | None = None,
        excluded: Sequence[Path] = (),
        publisher: Publisher | None = None,
        audiences: Audiences | None = None,
        confidential: Confidential | None = None,
        reports: bool = True,
    ) -> None:
        super().__init__(publisher, confidential)
        self.hashed = 0
        self._reactor = reactor
        self._roots = SharedFolders(folders, downloads, excluded, audiences)
        self._cache = cache
        self._unsaved: list[tuple[str, Stamp, Hashes]] = []
        self._report = Report()
        self._shadowed: Sequence[tuple[Found, Found]] = ()
        self._asked: list[Deferred[None]] = []
        self._scanning = False
        self._walked: list[Deferred[None]] = []
        self._finishing = False
        self._readers = Readers(lambda batch: Deferred.fromCoroutine(self._read(batch)))
        self._stopping = Event()
        self._watch = ScanSchedule(reactor, self.scan, self._is_known, reports)
        self._root_watch = RootWatch(reactor, self._roots.named, self._in_thread, self.scan)

    @property
    def unshared(self) -> Unshared:
        """The files that the last scan found and did not share."""
        return self._report.now

    @property
    def is_scanning(self) -> bool:
        """Whether a scan is under way, apart from huge files: a file that is not shared now may be in a moment."""
        return self._scanning or self._readers.is_busy

    @property
    def folders(self) -> Sequence[Path]:
        """The shared folders in order of precedence, links resolved as at the last walk."""
        return self._roots.real

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
        self._readers.give([])
        return self.scan()  # waits for the one under way, and does nothing itself

    def scan(self) -> Deferred[None]:
        """Bring the library up to date with the disk as it is now; a walk under way is waited for first.

        Walks and reads in threads. Fires when all files found have been read; never fails: files that cannot be read
        are logged and left out.
        """
        done: Deferred[None] = Deferred()
        self._asked.append(done)
        if not self._scanning:
            self._scanning = True
            Deferred.fromCoroutine(self._scan_while_asked())
        return done

    def audience(self, folder: Path) -> Audience:
        """Return who may know of the files in one of the shared `folders`."""
        return self._roots.audience(folder)

    def add_folder(self, path: Path, audience: Audience = None) -> Deferred[None]:
        """Share the folder `path` too, with `audience`; fires when it has been read.

        Fails with NotADirectoryError if it is none, ValueError if it is shared with another audience.
        """
        return maybeDeferred(self._roots.add, path, audience).addCallback(lambda _: self.scan())

    def remove_folder(self, path: Path) -> Deferred[None]:
        """Share the folder `path` no more; fires when its files are no longer shared. Fails with ValueError."""
        return maybeDeferred(self._roots.remove, path).addCallback(lambda _: self.scan())

    def add_file(self, folder: Path, path: Path, sha256: str, pieces: bytes, title: str = "") -> SharedFile:
        """Share the verified download at `path` in the shared folder `folder` at once, without reading it again.

        Returns the file shared under its name, which is that of an earlier folder if that has one. Below a shared
        folder inside `folder`, the name is relative to the inner one.

        Raises FileNotFoundError if it is not there, ValueError if it is in no shared folder or in an excluded one, has
        a name that may not be shared, or `pieces` is not the list for its size.
        """
        found = self._roots.find(folder if folder in self.folders else real(folder), name_of(folder, path))
        if len(pieces) != list_length(found.stamp.size):
            raise ValueError(f"{path}: {len(pieces)} bytes of piece digests for {found.stamp.size} bytes")
        current = self._files.get(found.name)
        if current is not None:
            rank = {root: number for number, root in enumerate(self.folders)}
            if rank.get(current.root, len(rank)) < rank[Path(found.root)]:
                return current
        hashes = Hashes(sha256, pieces, title)
        self._unsaved.append((found.path, found.stamp, hashes))
        self.apply([with_hashes(found, hashes)], [])
        return self._files[found.name]

    def _is_known(self, path: str) -> bool:
        """Return whether the file at `path` is shared in its present state."""
        try:
            root, name = root_of(path, self.folders, ())
            file = self._files.get(name)
            found = Found(os.fspath(root), name, path, stamp_of(os.lstat(path)), file.audience if file else None)
        except (OSError, ValueError):  # it is gone by now, or in no shared folder
            return False
        return matches(found, file)

    async def _scan_while_asked(self) -> None:
        """Walk as long as scans are requested. Reading goes on meanwhile."""
        while self._asked:
            asked, self._asked = self._asked, []
            folders = None
            try:
                folders = await self._walk()
            except Exception as e:
                self.log.failure("a scan of the shared folders failed")
                failures = Unshared()
                failures.add(", ".join(map(str, self.folders)), f"the last scan failed: {reason(e)}")
                self._report.walked(failures, Unshared())
            self._watch.scanned(folders)
            self._walked += asked
            if not self._finishing:
                self._finishing = True
                Deferred.fromCoroutine(self._finish())
        self._scanning = False

    async def _walk(self) -> Mapping[str, Identity | None] | None:
        """Walk once; return the folders walked through with their identities, None when the library stops."""
        rows, self._unsaved = self._unsaved, []
        if rows:
            await self._in_thread(self._cache.put, rows)
        if self._stopping.is_set():
            return None
        named = self._roots.named()
        arguments = named, dict(self._files), self._cache, self._roots.excluded, self._roots.audiences
        found = await self._in_thread(survey, *arguments)
        self._roots.walked(named, found.roots)
        # A file that was added again since the walk stays.
        gone = [old.name for old in found.gone if self._files.get(old.name) is old]
        await self._apply_in_slices(found.cached, gone)
        self._shadowed = found.shadowed
        unread, shadowed = {file.path for file in found.unread}, {file.path for file, _ in found.shadowed}
        self._report.walked(found.failures, found.refused, unread, shadowed)
        if not self._stopping.is_set():
            self._readers.give(found.unread)
        return found.folders

    async def _finish(self) -> None:
        """Once all files found are read, compare those of the same name, and fire the Deferreds of `scan`."""
        while self._walked:
            await self._readers.idle()
            walked, self._walked = self._walked, []
            try:
                arguments = self._shadowed, dict(self._files), self._cache, self._stopping
                self._report.compared(await self._in_thread(differing, *arguments) if self._shadowed else {})
            except Exception:
                self.log.failure("comparing files of the same name failed")
            for done in walked:
                done.callback(None)
        self._finishing = False

    async def _read(self, batch: list[Found]) -> None:
        # A download may have been added since the walk.
        unread = [found for found in batch if not matches(found, self._files.get(found.name))]
        if not unread or self._stopping.is_set():
            return
        reading = await self._in_thread(read_files, unread, self._cache, self._stopping)
        self.hashed += len(reading.files)
        gone = [found.name for found in unread if found.path in reading.unreadable and found.name in self._files]
        self.apply(reading.files, gone)
        self._report.read([found.path for found in unread], reading.unreadable | reading.changing)

    async def _apply_in_slices(self, added: list[SharedFile], removed: list[str]) -> None:
        """Apply the changes in slices, with a turn of the reactor between them."""
        for start in range(0, max(len(added), len(removed)), SLICE):
            if start:
                await deferLater(self._reactor, 0)
            part = slice(start, start + SLICE)
            self.apply(added[part], removed[part])

    def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *args, **kwargs)
