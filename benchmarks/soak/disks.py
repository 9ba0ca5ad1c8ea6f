"""Random changes of the files of a peer, as users make them, and the files on its disk."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from benchmarks.soak.push import sha256_of
from benchmarks.soak.record import Record, Version
from p2p_twisted.experiment.run.processes import Member
from p2p_twisted.library.paths import name_of

SIZES = ((1, 200_000), (200_000, 2_000_000), (5_000_000, 15_000_000))
"""Smallest and largest size of small, middling and large files."""
SHARES = (0.7, 0.25, 0.05)
"""Share of the files of each kind."""
MAX_FILES = 40
"""In one peer's folders; beyond it, files are removed and none is added."""
COPY_SECONDS = 0.3
"""From the first to the second half of a file that is copied slowly."""
SUFFIXES = (".txt", ".bin", ".pdf", "")
FOLDERS = ("", "", "sub/", "sub/deep er/")


class Contents:
    """Makes contents, each of a size of its own."""

    def __init__(self, random: Random) -> None:
        self.made: dict[str, Version] = {}
        """By SHA-256, all that there ever were."""
        self._random = random
        self._sizes: set[int] = set()

    def make(self) -> tuple[Version, bytes]:
        """Return a new content."""
        limits = self._random.choices(SIZES, SHARES)[0]
        size = self._random.randint(*limits)
        while size in self._sizes:
            size += 1
        self._sizes.add(size)
        data = self._random.randbytes(size)
        version = Version(size, hashlib.sha256(data).hexdigest())
        self.made[version.sha256] = version
        return version, data


class Disk:
    """The two folders of one peer. Every change is in the record before it is on the disk, and in the random order."""

    def __init__(self, peer: Member, record: Record, contents: Contents, random: Random) -> None:
        self.peer = peer
        self._record = record
        self._contents = contents
        self._random = random
        self._count = 0

    @property
    def roots(self) -> tuple[Path, Path]:
        """The folders, the one whose files win first."""
        return self.peer.share_dir, self.peer.download_dir

    def paths(self) -> Iterator[tuple[str, Path]]:
        """Yield name and path of each file that may be shared."""
        for root in self.roots:
            for folder, _, files in os.walk(root):
                for path in (Path(folder, file) for file in sorted(files)):
                    name = name_of(root, path)
                    if name is not None:
                        yield name, path

    def files(self) -> dict[str, Version]:
        """Return what is shared by name, hashed now."""
        found: dict[str, Version] = {}
        for name, path in self.paths():
            if name not in found:
                found[name] = Version(path.stat().st_size, sha256_of(path))
        return found

    def leftovers(self) -> list[str]:
        """Return the names of what belongs to an unfinished download beside the finished one."""
        found = [(path, path.name.partition(".part")[0]) for path in self.peer.download_dir.rglob("*.part*")]
        return sorted(path.name for path, name in found if path.with_name(name).exists())

    # what users do

    def add(self) -> None:
        """Write a new file: at once, slowly, or beside its place and then renamed."""
        if len(list(self.paths())) >= MAX_FILES:
            return self.remove()
        self._count += 1
        folder, suffix = self._random.choice(FOLDERS), self._random.choice(SUFFIXES)
        name = f"{folder}{self.peer.role}-{self._count}{suffix}"
        self._write(name, self.peer.share_dir / name, self._random.choice((_write_once, _write_slowly, _write_beside)))

    def change(self) -> None:
        """Give a file another content, in place or by another file."""
        if (found := self._any()) is not None:
            self._write(*found, self._random.choice((_write_once, _write_slowly, _write_beside)))

    def remove(self) -> None:
        """Remove a file."""
        if (found := self._any()) is not None:
            name, path = found
            self._drop(name, "removes")
            path.unlink(missing_ok=True)

    def rename(self) -> None:
        """Give a file a new name in its folder."""
        if (found := self._any()) is None:
            return
        name, path = found
        self._count += 1
        new = path.with_name(f"{self.peer.role}-{self._count}-was-{path.name}"[:100])
        self._drop(name, f"renames to {new.name}:")
        try:
            version = self._contents.made.get(sha256_of(path))
            path.rename(new)
        except OSError:
            return
        new_name = f"{name[: -len(path.name)]}{new.name}"
        if version is not None:
            self._record.held(self.peer.role, new_name, version)

    def touch(self) -> None:
        """Give a file another time; it has the same content all the time."""
        if (found := self._any()) is not None:
            self._record.note(f"{self.peer.role} touches {found[0]}")
            _touch(found[1], self._random)

    def touch_all(self) -> None:
        """Give every file another time."""
        self._record.note(f"{self.peer.role} touches everything")
        for _, path in self.paths():
            _touch(path, self._random)

    def _any(self) -> tuple[str, Path] | None:
        found = sorted(self.paths())
        return self._random.choice(found) if found else None

    def _drop(self, name: str, how: str) -> None:
        self._record.note(f"{self.peer.role} {how} {name}")
        self._record.dropped(self.peer.role, name)

    def _write(self, name: str, path: Path, writer: Callable[[Path, bytes], object]) -> None:
        version, data = self._contents.make()
        self._drop(name, f"writes {version.size} bytes, {writer.__name__.removeprefix('_write_')}, as")
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(path, data)
        self._record.held(self.peer.role, name, version)


def _write_once(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _write_slowly(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        time.sleep(COPY_SECONDS)
        file.write(data[len(data) // 2 :])


def _write_beside(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)


def _touch(path: Path, random: Random) -> None:
    when = time.time() - random.uniform(0, 10**6)
    try:
        os.utime(path, (when, when))
    except FileNotFoundError:
        pass
