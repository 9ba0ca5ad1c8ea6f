"""The job of the demo: every peer downloads every document that it lacks, and every copy is verified."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...web.control_client import ControlError
from .cluster import Cluster
from .originals import Originals
from .processes import ClusterError, Member

POLL_INTERVAL = 0.2
"""Seconds."""


@dataclass(frozen=True)
class PeerResult:
    """The result of one peer."""

    role: str
    shared: int
    """Documents that it had at the start."""
    fetched: int
    """Documents that it downloaded."""
    bytes: int
    seconds: float
    verified: int
    """Copies with the right SHA-256."""
    failed: Mapping[str, str]
    """Names of the documents that it did not get -> the reasons."""


@dataclass(frozen=True)
class ExchangeResult:
    """The results of all peers; ``verified`` equals ``expected`` if every peer has every document."""

    peers: Sequence[PeerResult]
    documents: int

    @property
    def expected(self) -> int:
        """The number of copies that there must be."""
        return len(self.peers) * self.documents

    @property
    def verified(self) -> int:
        """The number of copies with the right SHA-256."""
        return sum(peer.verified for peer in self.peers)


def download_everything(
    cluster: Cluster, progress: Callable[[int, int], object], poll: float = POLL_INTERVAL
) -> dict[str, dict[str, Any]]:
    """Let all peers download what they lack; return the finished downloads, as the API shows them, by role.

    ``progress(files_done, files_total)`` is called every ``poll`` seconds. Raises ClusterError if a peer does not
    answer.
    """
    ids = {peer.role: start_download(peer) for peer in cluster.peers}
    while True:
        downloads = {role: download_of(cluster[role], id_) for role, id_ in ids.items()}
        progress(
            sum(download["files_done"] for download in downloads.values()),
            sum(download["files_total"] for download in downloads.values()),
        )
        if all(download["ended"] is not None for download in downloads.values()):
            return downloads
        time.sleep(poll)


def start_download(peer: Member) -> str:
    """Let ``peer`` download all that it lacks; return the download's id at once. Raises ClusterError."""
    try:
        return str(peer.control.post("downloads", {"all": True})["id"])
    except ControlError as error:
        raise ClusterError(f"{peer.role}: {error}") from error


def download_of(peer: Member, id_: str) -> dict[str, Any]:
    """Return the state of a download of ``peer``. Raises ClusterError, with the reason if the peer has ended."""
    try:
        found: dict[str, Any] = peer.control.get(f"downloads/{id_}")
    except ControlError as error:
        peer.status()  # raises by itself, with the last line of the log, if the process has ended
        raise ClusterError(f"{peer.role}: {error}") from error
    return found


def verify_exchange(
    cluster: Cluster, originals: Originals, downloads: Mapping[str, Mapping[str, Any]]
) -> ExchangeResult:
    """Compare every copy at every peer with its original, and return the result."""
    return ExchangeResult([_result(peer, originals, downloads[peer.role]) for peer in cluster.peers], len(originals))


def _result(peer: Member, originals: Originals, download: Mapping[str, Any]) -> PeerResult:
    errors = {file["name"]: file["error"] for file in download["files"] if file["error"] is not None}
    return PeerResult(
        role=peer.role,
        shared=sum((peer.share_dir / name).exists() for name in originals.paths),
        fetched=download["files_done"],
        bytes=download["bytes_done"],
        seconds=download["ended"] - download["started"],
        verified=originals.count_verified(peer),
        failed={name: error["text"] for name, error in errors.items()},
    )
