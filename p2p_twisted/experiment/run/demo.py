"""The main job: spread documents over peers, let every peer fetch all that it lacks, and check every copy."""

from __future__ import annotations

import errno
import hashlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...web.client import ControlError
from .cluster import Cluster
from .processes import ClusterError, Member

POLL = 0.2


@dataclass(frozen=True)
class PeerResult:
    """The result of one peer: files it held at first, files and bytes it fetched, its seconds, and its verified copies.

    ``failed`` maps the names it did not get to the reasons.
    """

    role: str
    shared: int
    fetched: int
    bytes: int
    seconds: float
    verified: int
    failed: Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """The result of a run; ``verified`` equals ``expected`` when every peer has every document."""

    peers: Sequence[PeerResult]
    documents: int

    @property
    def expected(self) -> int:
        """The number of copies that there have to be."""
        return len(self.peers) * self.documents

    @property
    def verified(self) -> int:
        """The number of copies whose SHA-256 is that of the original."""
        return sum(peer.verified for peer in self.peers)


class Documents:
    """The files of a corpus by the names under which they are shared, with their SHA-256 (hex)."""

    def __init__(self, root: Path, paths: Sequence[Path]) -> None:
        """Read and hash all of ``paths``. Raises OSError."""
        self.paths = {path.relative_to(root).as_posix(): path for path in paths}
        self.sha256 = {name: sha256_of(path) for name, path in self.paths.items()}
        for name, sha256 in self.sha256.items():
            if sha256 is None:
                raise PermissionError(errno.EACCES, "cannot be read", str(self.paths[name]))

    def __len__(self) -> int:
        return len(self.paths)

    def spread(self, peers: Sequence[Member]) -> None:
        """Copy each document into the share folder of one peer, in turn. Raises OSError."""
        for number, (name, path) in enumerate(self.paths.items()):
            target = peers[number % len(peers)].share_dir / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def verified(self, peer: Member) -> int:
        """Return how many of the documents ``peer`` has with the right SHA-256, shared or fetched."""
        return sum(
            any(sha256_of(folder / name) == sha256 for folder in (peer.share_dir, peer.download_dir))
            for name, sha256 in self.sha256.items()
        )


def fetch_everything(
    cluster: Cluster, progress: Callable[[int, int], object], poll: float = POLL
) -> dict[str, dict[str, Any]]:
    """Let all peers fetch at once what they lack; return the finished downloads, as the API shows them, by role.

    ``progress(files_done, files_total)`` is called every ``poll`` seconds. Raises ClusterError when a peer does not
    answer.
    """
    orders = {peer.role: order(peer) for peer in cluster.peers}
    while True:
        downloads = {role: look(cluster[role], id_) for role, id_ in orders.items()}
        progress(
            sum(download["files_done"] for download in downloads.values()),
            sum(download["files_total"] for download in downloads.values()),
        )
        if all(download["ended"] is not None for download in downloads.values()):
            return downloads
        time.sleep(poll)


def order(peer: Member) -> str:
    """Order ``peer`` to fetch all that it lacks, and return the download's id at once. Raises ClusterError."""
    try:
        return str(peer.control.post("downloads", {"all": True})["id"])
    except ControlError as error:
        raise ClusterError(f"{peer.role}: {error}") from error


def look(peer: Member, download: str) -> dict[str, Any]:
    """Return the state of a download of ``peer``. Raises ClusterError, with the reason if the peer has ended."""
    try:
        found: dict[str, Any] = peer.control.get(f"downloads/{download}")
    except ControlError as error:
        peer.status()  # raises by itself, with the last line of the log, if the process has ended
        raise ClusterError(f"{peer.role}: {error}") from error
    return found


def judge(cluster: Cluster, documents: Documents, downloads: Mapping[str, Mapping[str, Any]]) -> Result:
    """Check every copy at every peer against the originals, and return the result."""
    return Result([_judge(peer, documents, downloads[peer.role]) for peer in cluster.peers], len(documents))


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


def _judge(peer: Member, documents: Documents, download: Mapping[str, Any]) -> PeerResult:
    errors = {file["name"]: file["error"] for file in download["files"] if file["error"] is not None}
    return PeerResult(
        role=peer.role,
        shared=sum((peer.share_dir / name).exists() for name in documents.paths),
        fetched=download["files_done"],
        bytes=download["bytes_done"],
        seconds=download["ended"] - download["started"],
        verified=documents.verified(peer),
        failed={name: error["text"] for name, error in errors.items()},
    )
