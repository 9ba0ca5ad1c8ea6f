"""Downloads as the API shows them (docs/api.rst): from the objects of the engine to values of the schema."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice

from ..library.pieces import piece_count
from ..swarm.errors import DownloadError
from ..swarm.picker_state import NextRequest, PieceRequest, Request
from ..swarm.sites import SiteBytes
from ..swarm.source import Source
from ..swarm.storage import Storage
from ..web.api.download_schema import (
    BytesBySite,
    DownloadDetails,
    DownloadFailure,
    DownloadSource,
    DownloadSummary,
    FileInDownload,
    FileSource,
    PieceCounts,
    SkippedDocument,
)
from ..web.api.schema import BannedSource
from .downloads.model import DONE, FAILED, THERE, Download, DownloadFile, Transfer

MAX_SKIPPED = 100
"""Skipped documents that are named; of the others only the number is shown."""
MAX_CELLS = 100
"""Longest map of pieces."""
MAX_BANNED = 20
"""Banned sources that are shown, the last ones."""
CHOSEN_FOR: dict[type[Request], str] = {PieceRequest: "rarest piece", NextRequest: "next piece of the source"}
"""The API's names of the kinds of requests,"""
SOURCE_STATES = {"banned": "dropped", "snubbed": "stalled"}
"""and those states of a source that it calls otherwise."""


def summary(download: Download, now: float) -> DownloadSummary:
    """Return `download` without files and sources. `now` is the reactor's time in seconds, here and below."""
    files = download.files
    got = [file.here(content)[0] for file, content in zip(files, contents(download), strict=True)]
    left = sum((file.size or 0) - here for file, here in zip(files, got, strict=True) if file.ended is None)
    speed = rate(download, now)
    return DownloadSummary(
        id=download.id,
        state=download.state,
        directory=str(download.directory),
        started=download.started,
        ended=download.ended,
        error=failure(download.error),
        files_total=len(files),
        files_done=sum(file.state in (DONE, THERE) for file in files),
        files_passed_over=len(download.skipped),
        files_failed=sum(file.state == FAILED for file in files),
        bytes_total=sum(file.size or 0 for file in files),
        bytes_done=sum(got),
        rate=speed,
        time_left=left / speed if speed and not download.has_ended else None,
        connected=0 if download.has_ended else sum(source.state == "connected" for source in sources(download)),
    )


def details(download: Download, now: float) -> DownloadDetails:
    """Return `download` with its files and sources."""
    return DownloadDetails(
        **vars(summary(download, now)),
        received=sum(swarm.received for swarm in download.swarms),
        duplicate=sum(swarm.duplicate for swarm in download.swarms),
        by_site=by_site([download]),
        sources=[source_view(source, now) for source in sources(download)],
        passed_over=[SkippedDocument(*one) for one in islice(download.skipped.items(), MAX_SKIPPED)],
        files=[file_view(file, content) for file, content in zip(download.files, contents(download), strict=True)],
    )


def by_site(downloads: Iterable[Download]) -> BytesBySite:
    """Return the bytes that the swarms of `downloads` received, by the site of their source."""
    counted = (swarm.by_site for download in downloads for swarm in download.swarms)
    found = sum((one for one in counted if one is not None), SiteBytes())
    return BytesBySite(found.own, found.others, found.saved)


def contents(download: Download) -> list[Storage | None]:
    """Return, for each file of `download`, its storage in a swarm, or None if no swarm has it."""
    swarmed = {sha256: content for swarm in download.swarms for sha256, content in swarm.files.items()}
    return [swarmed.get(file.document.sha256 or "") if file.document else None for file in download.files]


def sources(download: Download) -> list[Source]:
    """Return the sources of the swarms of `download`."""
    return [source for swarm in download.swarms for source in swarm.sources]


def rate(download: Download, now: float) -> float:
    """Return the bytes/s that come from the connected sources; the average so far if none is connected."""
    if not download.has_ended:
        present = sum(source.meter.rate(now) for source in sources(download) if source.state == "connected")
        if present >= 1:
            return present
    lasted = (download.ended or time.time()) - download.started
    received = sum(transfer.size for file in download.files for transfer in file.transfers.values())
    return received / lasted if lasted > 0 else 0.0


def file_view(file: DownloadFile, content: Storage | None) -> FileInDownload:
    """Return a file of a download; `content` is its storage in a swarm, None if it is fetched whole."""
    got, pieces = file.here(content)
    return FileInDownload(
        name=file.name,
        size=file.size,
        got=got,
        pieces=None if file.size is None else _pieces(pieces, piece_count(file.size), content),
        state=file.state,
        sources={f"{host}:{port}": _file_source(transfer) for (host, port), transfer in file.transfers.items()},
        started=file.started,
        ended=file.ended,
        error=failure(file.error),
    )


def _pieces(have: int, total: int, content: Storage | None) -> PieceCounts:
    first_ones = have == total or content is None
    return PieceCounts(have, total, piece_map(range(have) if first_ones or content is None else content.have, total))


def piece_map(have: Iterable[int], total: int) -> str:
    """Return the map of a file: a digit for each of at most MAX_CELLS parts, 9 if all of it is here."""
    cells = min(total, MAX_CELLS)
    counts = [0] * cells
    for piece in have:
        counts[piece * cells // total] += 1
    sizes = [((cell + 1) * total - 1) // cells - (cell * total - 1) // cells for cell in range(cells)]
    return "".join(
        str(9 * count // size) if count in (0, size) else str(max(1, min(8, 9 * count // size)))
        for count, size in zip(counts, sizes, strict=True)
    )


def _file_source(transfer: Transfer) -> FileSource:
    return FileSource(transfer.size, transfer.started, transfer.ended)


def source_view(source: Source, now: float) -> DownloadSource:
    """Return a source of a swarm."""
    return DownloadSource(
        host=source.address[0],
        port=source.address[1],
        state=SOURCE_STATES.get(source.state, source.state),
        bytes=source.meter.total,
        rate=source.meter.rate(now),
        chosen={CHOSEN_FOR[kind]: times for kind, times in source.requested.items()},
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
        for source in swarm.sources
        if source.banned is not None
    ]
    return found[-MAX_BANNED:]
