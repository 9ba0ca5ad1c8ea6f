"""The part of a scan that runs in threads: walk the folders, compare with what is known, read and hash what is new.

Nothing here touches the reactor or the `Library`; everything is handed over and comes back as values.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import BinaryIO, NamedTuple

from .cache import HashCache, Hashes, Stamp
from .catalogue import SharedFile
from .paths import is_safe, open_beneath
from .pieces import PieceHasher
from .titles import title_of

BLOCK = 2**20
"""Bytes read and hashed at a time."""

BIG = 2**20
"""Bytes from which a file is worth reading beside another: hashing it leaves the interpreter to others. What a smaller
one costs is mostly Python, in which two threads are slower than one."""

BATCH = 64
"""Most small files read before they are shared."""


class Found(NamedTuple):
    """A file met on a walk: the shared folder `root` in which it is `name`, its whole path, its stamp."""

    root: str
    name: str
    path: str
    stamp: Stamp

    def matches(self, file: SharedFile | None) -> bool:
        """Whether `file` is this one, unchanged."""
        return (
            file is not None
            and self.stamp == (file.size, file.mtime_ns, file.inode)
            and self.path == os.fspath(file.path)
        )

    def with_hashes(self, hashes: Hashes) -> SharedFile:
        """What is shared, once the hashes are known."""
        size, mtime_ns, inode = self.stamp
        return SharedFile(self.name, Path(self.path), size, mtime_ns, *hashes, inode)


@dataclass
class Survey:
    """What a walk found against what was known: files to add as they are, to read and hash, and to remove; all folders
    walked through; a line for each thing that could not be read."""

    cached: list[SharedFile] = field(default_factory=list)
    unread: list[Found] = field(default_factory=list)
    gone: list[SharedFile] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class Reading:
    """What reading some files gave: those hashed, and a line for each that could not be read."""

    files: list[SharedFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def survey(roots: Sequence[Path], known: Mapping[str, SharedFile], cache: HashCache) -> Survey:
    """Walk through `roots` and compare with the files `known` by name; of equal names the first root's counts.

    A file that changed, and whose new hashes the cache does not have, is both `gone` and `unread`.
    """
    result = Survey()
    seen, kept, present = set(), set(), set()
    for root in map(os.fspath, roots):
        for file in walk(root, result):
            present.add(file.path)
            if file.name in seen:
                continue
            seen.add(file.name)
            if file.matches(known.get(file.name)):
                kept.add(file.name)
            elif hashes := cache.get(file.path, file.stamp):
                kept.add(file.name)
                result.cached.append(file.with_hashes(hashes))
            else:
                result.unread.append(file)
    result.gone = [old for name, old in known.items() if name not in kept]
    if result.gone or not known:
        _prune(roots, present, result, cache)
    return result


def _prune(roots: Sequence[Path], present: set[str], result: Survey, cache: HashCache) -> None:
    """Forget vanished files, but not those of a root that is missing: that may be a disk to be mounted again."""
    for root in set(map(os.fspath, roots)).intersection(result.folders):
        cache.prune(root, present)


def walk(root: str, result: Survey) -> Iterator[Found]:
    """All files below `root` that may be shared, links not followed; what was walked through and what was in the way
    goes into `result`."""
    pending = [(root, "")]
    while pending:
        folder, prefix = pending.pop()
        try:
            with os.scandir(folder) as entries:
                result.folders.append(folder)
                for entry in entries:
                    name = prefix + entry.name
                    if not is_safe(name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, f"{name}/"))
                    elif entry.is_file(follow_symlinks=False) and (stamp := _stamp_of(entry)):
                        yield Found(root, name, entry.path, stamp)
        except OSError as e:
            result.problems.append(f"{folder}: {e.strerror}")


def _stamp_of(entry: os.DirEntry[str]) -> Stamp | None:
    """None when the file has vanished since its folder was read."""
    try:
        return stamp_of(entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return None


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file of this status."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def batches(unread: Sequence[Found]) -> tuple[deque[list[Found]], deque[list[Found]]]:
    """What a thread reads at a time, smallest first: small files many at once, and big ones one by one."""
    ordered = sorted(unread, key=lambda file: file.stamp.size)
    small = [file for file in ordered if file.stamp.size < BIG]
    big = deque([file] for file in ordered[len(small) :])
    return deque(small[i : i + BATCH] for i in range(0, len(small), BATCH)), big


def read_files(batch: Sequence[Found], cache: HashCache, stopping: Event) -> Reading:
    """Read and hash the files of `batch`, and put what was found into the cache, until `stopping` is set.

    A file that changes meanwhile is left out, for the next scan to find; one that cannot be read is a problem.
    """
    result = Reading()
    rows = []
    for found in batch:
        try:
            hashes = _read(found, stopping)
        except OSError as e:
            result.problems.append(f"{found.path}: {e.strerror}")
            continue
        if hashes is not None:
            rows.append((found.path, found.stamp, hashes))
            result.files.append(found.with_hashes(hashes))
    cache.put(rows)
    return result


def _read(found: Found, stopping: Event) -> Hashes | None:
    """The hashes of a file, None if it is not what was found on the walk, or changed while it was read, or we stop."""
    with os.fdopen(open_beneath(Path(found.root), found.name), "rb") as file:
        before = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != found.stamp[:2]:
            return None
        hasher = PieceHasher(before.st_size)
        if not _feed(hasher, file, before.st_size, stopping):
            return None
        title = title_of(file, found.name)
        if stamp_of(os.fstat(file.fileno())) != stamp_of(before):
            return None
        return Hashes(hasher.sha256(), hasher.pieces(), title)


def _feed(hasher: PieceHasher, file: BinaryIO, size: int, stopping: Event) -> bool:
    """Feed `size` bytes of `file` to `hasher`; False if there are fewer, or it is time to stop."""
    while size:
        block = file.read(min(BLOCK, size))
        if not block or stopping.is_set():
            return False
        hasher.update(block)
        size -= len(block)
    return True
