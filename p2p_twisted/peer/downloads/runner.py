"""Carry out one download: each document is found on this machine, fetched by a swarm, or fetched whole."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ...swarm.errors import DownloadError, NoHolder
from ...swarm.target import Target
from ...wire.address import Address
from .confidence import note_confidential, note_source
from .local_content import Copies, is_there, one_of_each_content, share_failures
from .model import FAILED, THERE, WAITING, Download, DownloadFile
from .parts import Parts
from .sequential import SequentialFetcher
from .swarm_fetcher import SwarmFetcher
from .together import in_turns, together

MAX_GROUPS = 8
"""Groups of holders from which whole documents are fetched at the same time."""
TAKEN_INTERVAL = 1
"""Seconds between two looks at a place where another process writes."""


class DownloadRunner:
    """Carries out `download`."""

    def __init__(self, parts: Parts, download: Download) -> None:
        self._parts = parts
        self._download = download
        self._folder = Path(os.path.realpath(download.directory))
        self._targets: dict[DownloadFile, Target] = {}
        self._copies = Copies(parts.reactor, parts.content_store.library, download.overwrite, self._completed)

    async def run(self) -> None:
        """Fetch all files that can be fetched; the state and error of each say how it ended.

        Files that another download fetches to the same place come last: two downloads that wait for each other have
        then both ended their own. Another process that writes to a place is waited for, too.
        """
        files = [file for file in self._download.files if file.ended is None]
        while files:
            mine, others = self._parts.claims.take(self._download.directory, files)
            await self._fetch(mine)
            for _, other in others:
                await other.until_ended()
            files = [file for file, _ in others]
            if taken := [file for file in mine if file.ended is None]:
                await deferLater(self._parts.reactor, TAKEN_INTERVAL)
                files += taken

    async def _fetch(self, files: list[DownloadFile]) -> None:
        """Fetch `files`; those whose place is taken do not end, and are looked at again."""
        note_confidential(self._parts.content_store.library, self._download.directory, files)
        files = [file for file in files if file.ended is None]
        async for file in in_turns(self._parts.reactor, files):
            file.is_taken, file.state = False, WAITING
            try:
                await self._prepare(file)
            except DownloadError as e:
                file.end(FAILED, e)
        waiting = [file for file in files if file.state == WAITING]
        while waiting := [file async for file in self._not_copied(waiting)]:
            fetched = one_of_each_content(waiting)
            await self._fetch_contents(fetched)
            waiting = [file for file in share_failures(fetched, waiting) if not file.is_taken]

    async def _not_copied(self, files: list[DownloadFile]) -> AsyncIterator[DownloadFile]:
        """Yield those of `files` whose content is not on this machine; copy the others."""
        async for file in in_turns(self._parts.reactor, files):
            if not await self._copies.copy(file, self._targets[file]):
                yield file

    async def _prepare(self, file: DownloadFile) -> None:
        """End `file` if it is in place. Raises DownloadError if it cannot be fetched."""
        target = self._targets[file] = Target(self._download.directory, file.name)
        target.replaces = self._download.replaces.get(file.name)
        target.check_place()
        status = target.status()
        if file.document is None:
            raise NoHolder(f"no peer has {file.name}")
        if status is not None and await is_there(
            self._parts.reactor, target, status, file.document, self._download.overwrite
        ):
            file.end(THERE)
            self._copies.add(target, file.document)

    async def _fetch_contents(self, files: list[DownloadFile]) -> None:
        """Fetch `files`, all of different content."""
        if self._download.swarm:
            fetcher = SwarmFetcher(self._parts, self._download, self._completed)
            await fetcher.run({file: self._targets[file] for file in files})
        await self._fetch_whole([file for file in files if file.ended is None and not file.is_taken])

    async def _fetch_whole(self, files: list[DownloadFile]) -> None:
        """Fetch `files` whole, one after the other.

        In a download with swarms only files of the same holders wait for one another: one holder may never end.
        """
        groups: dict[frozenset[Address], list[tuple[DownloadFile, Target]]] = {}
        for file in files:
            holders = file.document.holders if self._download.swarm and file.document is not None else []
            addresses = frozenset((holder.host, holder.port) for holder in holders)
            groups.setdefault(addresses, []).append((file, self._targets[file]))
        await together(MAX_GROUPS, [partial(self._fetch_group, group) for group in groups.values()])

    def _fetch_group(self, files: list[tuple[DownloadFile, Target]]) -> Deferred[None]:
        parts = self._parts
        fetcher = SequentialFetcher(parts.reactor, parts.discovery, parts.downlink, self._completed)
        return Deferred.fromCoroutine(fetcher.run(files, self._download.overwrite))

    def _completed(self, file: DownloadFile, target: Target, sha256: str, digests: bytes) -> None:
        """Note where its content is, for its other names; share it if it is in a shared folder."""
        if file.document is not None:
            self._copies.add(target, file.document)
        library = self._parts.content_store.library
        if file.whole_from is not None:
            note_source(library, file, target.path, file.whole_from)
        if self._folder not in library.folders:
            return
        pieces = digests if len(digests) > 32 else b""
        try:
            library.add_file(self._folder, target.path, sha256, pieces, file.document.title if file.document else "")
        except (OSError, ValueError):
            library.scan()  # it was moved or changed at once: the library reads it again
