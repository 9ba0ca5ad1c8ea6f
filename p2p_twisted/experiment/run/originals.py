"""The documents that a demo or an experiment distributes: paths and hashes of the originals."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from .processes import Member


class Originals:
    """The files of a corpus by the names under which they are shared, with their SHA-256 (hex)."""

    def __init__(self, root: Path, paths: Sequence[Path]) -> None:
        """Read and hash all of ``paths``, which are below ``root``. Raises OSError."""
        self.paths = {path.relative_to(root).as_posix(): path for path in paths}
        self.sha256 = {name: sha256_of(path) for name, path in self.paths.items()}
        for name, sha256 in self.sha256.items():
            if sha256 is None:
                raise PermissionError(errno.EACCES, "cannot be read", str(self.paths[name]))

    def __len__(self) -> int:
        return len(self.paths)

    def give(self, peer: Member, names: Iterable[str]) -> None:
        """Copy the documents ``names`` into the share folder of ``peer``. Raises OSError."""
        for name in names:
            target = peer.share_dir / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.paths[name], target)

    def spread(self, peers: Sequence[Member]) -> None:
        """Copy each document into the share folder of one peer, in turn. Raises OSError."""
        for number, name in enumerate(self.paths):
            self.give(peers[number % len(peers)], [name])

    def count_verified(self, peer: Member) -> int:
        """Return the number of documents that ``peer`` has with the right SHA-256, shared or downloaded."""
        return sum(
            any(sha256_of(folder / name) == sha256 for folder in (peer.share_dir, peer.download_dir))
            for name, sha256 in self.sha256.items()
        )


def sha256_of(path: Path) -> str | None:
    """Return the SHA-256 (hex) of the file at ``path``, None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()
