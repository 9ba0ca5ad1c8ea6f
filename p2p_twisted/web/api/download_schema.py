"""The answers of the control API about downloads, as dataclasses; see ``schema``."""

from __future__ import annotations

from collections.abc import Mapping

from ...wire.quick_dataclass import quick_dataclass


@quick_dataclass(frozen=True)
class DownloadId:
    """The answer to the start of a download."""

    id: str


@quick_dataclass(frozen=True)
class DownloadFailure:
    """The reason why a download or a file of it failed: a kind for programs, a text for people."""

    kind: str
    text: str


@quick_dataclass(frozen=True)
class DownloadSource:
    """A source of a swarm. `chosen` counts the requests by the reason to choose it; `dropped` is why it was banned."""

    host: str
    port: int
    state: str
    bytes: int
    rate: float
    chosen: Mapping[str, int]
    wrong_pieces: int
    dropped: str | None


@quick_dataclass(frozen=True)
class BytesBySite:
    """Bytes received in swarms from peers of the peer's own site, and of others; `saved` did not come from others."""

    own: int
    others: int
    saved: int


@quick_dataclass(frozen=True)
class PieceCounts:
    """The pieces of a file that are here, and all of them.

    `map` has a digit for each piece, or for each of MAX_CELLS equal parts of a longer file: the ninths of it
    that are here.
    """

    have: int
    total: int
    map: str


@quick_dataclass(frozen=True)
class FileSource:
    """The bytes of a file from one source, with the times of the first and the last."""

    bytes: int
    started: float
    ended: float | None


@quick_dataclass(frozen=True)
class FileInDownload:
    """A file of a download. `sources` is by HOST:PORT."""

    name: str
    size: int | None
    got: int
    pieces: PieceCounts | None
    state: str
    sources: Mapping[str, FileSource]
    started: float | None
    ended: float | None
    error: DownloadFailure | None


@quick_dataclass(frozen=True)
class SkippedDocument:
    """A document that a download of all leaves out because of its name."""

    name: str
    why: str


@quick_dataclass(frozen=True)
class DownloadSummary:
    """A download without its files and sources. `connected` is the number of sources that are connected now."""

    id: str
    state: str
    directory: str
    started: float
    ended: float | None
    error: DownloadFailure | None
    files_total: int
    files_done: int
    files_passed_over: int
    files_failed: int
    bytes_total: int
    bytes_done: int
    rate: float
    time_left: float | None
    connected: int


@quick_dataclass(frozen=True)
class DownloadDetails(DownloadSummary):
    """A download with its files and sources."""

    received: int
    duplicate: int
    by_site: BytesBySite
    sources: list[DownloadSource]
    passed_over: list[SkippedDocument]
    files: list[FileInDownload]


@quick_dataclass(frozen=True)
class DownloadList:
    """The downloads of a peer, the newest last."""

    items: list[DownloadSummary]
