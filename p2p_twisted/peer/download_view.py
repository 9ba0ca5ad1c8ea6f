"""Downloads as the API shows them (docs/api.rst): from the objects of the engine to values of the schema."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice

from ..library.pieces import piece_count
from ..swarm.errors import DownloadError
from ..swarm.source import Source
from ..swarm.storage import Storage
from ..web.api.schema import (
    BannedSource,
    DownloadDetails,
    DownloadFailure,
    DownloadSource,
    DownloadSummary,
    FileInDownload,
    FileSource,
    PieceCounts,
    SkippedDocument,
)
from .downloads.model import DONE, FAILED, THERE, Download, DownloadFile, Transfer

MAX_SKIPPED = 100
"""Skipped documents that are named; of the others only the number is shown."""
MAX_BANNED = 20
"""Banned sources that are shown, the last ones."""


def summary(download: Download, now: float) -> DownloadSummary:
    """Return `download` without files and sources. `now` is the reactor's time in seconds, here and below."""
    items = download.items
    got = [item.here(content)[0] for item, content in zip(items, contents(download), strict=True)]
    left = sum((item.size or 0) - here for item, here in zip(items, got, strict=True) if item.ended is None)
    speed = rate(download, now)
    return DownloadSummary(
        id=download.id,
        state=download.state,
        directory=str(download.directory),
        started=download.started,
        ended=download.ended,
        error=failure(download.error),
        files_total=len(items),
        files_done=sum(item.state in (DONE, THERE) for item in items),
        files_passed_over=len(download.passed_over),
        files_failed=sum(item.state == FAILED for item in items),
        bytes_total=sum(item.size or 0 for item in items),
        bytes_done=sum(got),
        rate=speed,
        time_left=left / speed if speed and not download.over else None,
    )


def details(download: Download, now: float) -> DownloadDetails:
    """Return `download` with its files and sources."""
    return DownloadDetails(
        **vars(summary(download, now)),
        received=sum(swarm.received for swarm in download.swarms),
        duplicate=sum(swarm.duplicate for swarm in download.swarms),
        sources=[source_view(source, now) for source in sources(download)],
        passed_over=[SkippedDocument(*one) for one in islice(download.passed_over.items(), MAX_SKIPPED)],
        files=[file(item, content) for item, content in zip(download.items, contents(download), strict=True)],
    )


def contents(download: Download) -> list[Storage | None]:
    """Return, for each file of `download`, its storage in a swarm, or None if no swarm has it."""
    swarmed = {sha256: content for swarm in download.swarms for sha256, content in swarm.files.items()}
    return [swarmed.get(item.document.sha256 or "") if item.document else None for item in download.items]


def sources(download: Download) -> list[Source]:
    """Return the sources of the swarms of `download`."""
    return [source for swarm in download.swarms for source in swarm.sources]


def rate(download: Download, now: float) -> float:
    """Return the bytes/s that come from the connected sources; the average so far if none is connected."""
    if not download.over:
        present = sum(source.meter.rate(now) for source in sources(download) if source.state == "connected")
        if present >= 1:
            return present
    lasted = (download.ended or time.time()) - download.started
    received = sum(transfer.size for item in download.items for transfer in item.transfers.values())
    return received / lasted if lasted > 0 else 0.0


def file(item: DownloadFile, content: Storage | None) -> FileInDownload:
    """Return a file of a download; `content` is its storage in a swarm, None if it is fetched whole."""
    got, pieces = item.here(content)
    return FileInDownload(
        name=item.name,
        size=item.size,
        got=got,
        pieces=None if item.size is None else PieceCounts(pieces, piece_count(item.size)),
        state=item.state,
        sources={address: _file_source(transfer) for address, transfer in item.transfers.items()},
        started=item.started,
        ended=item.ended,
        error=failure(item.error),
    )


def _file_source(transfer: Transfer) -> FileSource:
    return FileSource(transfer.size, transfer.started, transfer.ended)


def source_view(source: Source, now: float) -> DownloadSource:
    """Return a source of a swarm."""
    return DownloadSource(
        host=source.address[0],
        port=source.address[1],
        state=source.state,
        bytes=source.meter.total,
        rate=source.meter.rate(now),
        chosen=dict(source.chosen),
        wrong_pieces=source.hash_failures,
        dropped=source.banned or (None if source.is_hopeful else str(source.why)),
    )


def failure(error: DownloadError | None) -> DownloadFailure | None:
    """Return the kind and the text of `error`."""
    return None if error is None else DownloadFailure(error.kind, str(error))


def banned_sources(downloads: Iterable[Download]) -> list[BannedSource]:
    """Return the last sources that `downloads` banned."""
    found = [
        BannedSource(*source.address, str(source.banned), download.ended)
        for download in downloads
        for swarm in download.swarms
        for source in swarm.sources.banned
    ]
    return found[-MAX_BANNED:]
