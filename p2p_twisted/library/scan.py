"""The part of a scan that runs in threads: walk the folders, compare with the known files, read and hash the new ones.

Nothing here touches the reactor or the `Library`; arguments and results are values.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from threading import Event
from typing import BinaryIO

from twisted.logger import Logger

from .audience import NOBODY, Audiences
from .cache import HashCache, Hashes
from .catalogue import SharedFile
from .identity import Identity, resolved
from .paths import open_beneath
from .pieces import PieceHasher
from .titles import title_of
from .unshared import Unshared, reason
from .walk import Found, Walk, stamp_of

log = Logger()

BLOCK = 2**20
"""Bytes read and hashed at a time."""


@dataclass
class Survey:
    """The result of a walk compared with the known files.

    Files to add from the cache, to read and hash (`unread`), and to remove (`gone`); pairs of a file and the one of an
    earlier folder that has its name (`shadowed`); the `roots`, links resolved; all `folders` walked through with their
    identities; files that could not be read (`failures`), and those not shared by rule (`refused`).
    """

    roots: tuple[Path, ...]
    folders: Mapping[str, Identity | None]
    failures: Unshared
    refused: Unshared
    cached: list[SharedFile] = field(default_factory=list)
    unread: list[Found] = field(default_factory=list)
    gone: list[SharedFile] = field(default_factory=list)
    shadowed: list[tuple[Found, Found]] = field(default_factory=list)


@dataclass
class Reading:
    """The result of reading files: those hashed; of the others, path -> why they could not be read or have changed."""

    files: list[SharedFile] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    changing: dict[str, str] = field(default_factory=dict)


def survey(
    roots: Sequence[Path],
    known: Mapping[str, SharedFile],
    cache: HashCache,
    excluded: Collection[Path] = (),
    audiences: Audiences | None = None,
) -> Survey:
    """Walk through `roots` and compare with the files `known` by name; of equal names the first root's counts.

    The folders `excluded` are left out. A changed file whose new hashes the cache does not have is `unread`; if its
    size changed, it is `gone` too. With the same size its content may be the same, as after ``touch``, so it stays
    until it has been read.
    """
    real_roots = resolved(roots)
    walk = Walk(real_roots, excluded, audiences)
    result = Survey(real_roots, walk.folders, walk.failures, walk.refused)
    seen: dict[str, Found] = {}
    kept, present = set(), set()
    for file in walk.files():
        present.add(file.path)
        first = seen.setdefault(file.name, file)
        if first is not file:
            result.shadowed.append((file, first))
        elif matches(file, known.get(file.name)):
            kept.add(file.name)
        elif hashes := cache.get(file.path, file.stamp):
            kept.add(file.name)
            result.cached.append(with_hashes(file, hashes))
        else:
            result.unread.append(file)
            if is_touched(file, known.get(file.name)):
                kept.add(file.name)
    result.gone = [old for name, old in known.items() if name not in kept]
    _take_renamed(result, cache)
    if result.gone or not known:
        _prune(present, result, cache)
    return result


def _take_renamed(result: Survey, cache: HashCache) -> None:
    """Reuse the hashes of files that were renamed within a shared folder.

    A file of the same inode, size and time is the same one; its title also depends on the ending of its name.
    """
    gone = {_identity(os.fspath(old.root), old.name, (old.size, old.mtime_ns, old.inode)): old for old in result.gone}
    rows, unread = [], []
    for found in result.unread:
        old = gone.get(_identity(found.root, found.name, found.stamp))
        if old is None:
            unread.append(found)
        else:
            rows.append((found.path, found.stamp, Hashes(old.sha256, old.pieces, old.title)))
            result.cached.append(with_hashes(found, rows[-1][2]))
    if rows:
        cache.put(rows)
        result.unread = unread


def _identity(root: str, name: str, stamp: tuple[int, int, int]) -> tuple[str, str, tuple[int, int, int]]:
    return root, PurePath(name).suffix, stamp


def matches(found: Found, file: SharedFile | None) -> bool:
    """Return whether `file` is the one found, unchanged."""
    return (
        file is not None
        and found.stamp == (file.size, file.mtime_ns, file.inode)
        and found.path == os.fspath(file.path)
        and file.audience in (found.audience, NOBODY)
    )


def is_touched(found: Found, file: SharedFile | None) -> bool:
    """Return whether `file` lies where the one found does, for the same audience, and has its size."""
    here = found.stamp.size, found.path, found.audience
    return file is not None and here == (file.size, os.fspath(file.path), file.audience)


def with_hashes(found: Found, hashes: Hashes) -> SharedFile:
    """Return the shared file for a found one and its hashes."""
    size, mtime_ns, inode = found.stamp
    return SharedFile(found.name, Path(found.path), size, mtime_ns, *hashes, inode, found.audience)


def _prune(present: set[str], result: Survey, cache: HashCache) -> None:
    """Forget vanished files, but not those of a root that is missing: that may be a disk to be mounted again."""
    for root in set(map(os.fspath, result.roots)).intersection(result.folders):
        cache.prune(root, present)


def read_files(batch: Sequence[Found], cache: HashCache, stopping: Event) -> Reading:
    """Read and hash the files of `batch`, and put the results into the cache, until `stopping` is set.

    A file that changes meanwhile is left for the next scan; one that cannot be read is left out. Neither affects the
    others.
    """
    result = Reading()
    rows = []
    for found in batch:
        try:
            hashes = _read(found, stopping)
        except Exception as e:  # a file may raise anything
            result.unreadable[found.path] = reason(e)
            continue
        if hashes is not None:
            rows.append((found.path, found.stamp, hashes))
            result.files.append(with_hashes(found, hashes))
        elif not stopping.is_set():
            result.changing[found.path] = "changes while it is read"
    cache.put(rows)
    return result


def differing(
    shadowed: Sequence[tuple[Found, Found]], shared: Mapping[str, SharedFile], cache: HashCache, stopping: Event
) -> dict[str, str]:
    """Map each of the `shadowed` files whose content differs from the file `shared` under its name to a line about it.

    A file of the same size is read once to find out.
    """
    result: dict[str, str] = {}
    for found, first in shadowed:
        if stopping.is_set():
            break
        file = shared.get(found.name)
        if file is None:
            result[found.path] = f"{first.path} has the same name and comes first"
        elif found.stamp.size != file.size or not _has_content(found, file.sha256, cache, stopping):
            result[found.path] = f"{found.name} is shared from {file.root} already"
    return result


def _has_content(found: Found, sha256: str, cache: HashCache, stopping: Event) -> bool:
    """Return whether a file has this content; False for one that cannot be read."""
    if hashes := cache.get(found.path, found.stamp):
        return hashes.sha256 == sha256
    return any(file.sha256 == sha256 for file in read_files([found], cache, stopping).files)


def _read(found: Found, stopping: Event) -> Hashes | None:
    """Hash a file; return None if it is not the file found on the walk, changes meanwhile, or reading must stop."""
    with os.fdopen(open_beneath(Path(found.root), found.name), "rb") as file:
        before = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != found.stamp[:2]:
            return None
        hasher = PieceHasher(before.st_size)
        if not _feed(hasher, file, before.st_size, stopping):
            return None
        title = _title(file, found)
        if stamp_of(os.fstat(file.fileno())) != stamp_of(before):
            return None
        return Hashes(hasher.sha256(), hasher.pieces(), title)


def _title(file: BinaryIO, found: Found) -> str:
    """Return the title of the file, "" if looking for it fails: a hostile document may break its reader."""
    try:
        return title_of(file, found.name)
    except OSError:
        raise
    except Exception as e:
        log.info("no title of {path}: {why}", path=found.path, why=reason(e))
        return ""


def _feed(hasher: PieceHasher, file: BinaryIO, size: int, stopping: Event) -> bool:
    """Feed `size` bytes of `file` to `hasher`; return False if there are fewer, or reading must stop."""
    while size:
        block = file.read(min(BLOCK, size))
        if not block or stopping.is_set():
            return False
        hasher.update(block)
        size -= len(block)
    return True
