"""Which documents a download is of: those that the user means, as their holders describe them themselves.

Hearsay only says whom to ask: the holders that it names are asked for their index, and count if they answer.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from twisted.internet.defer import Deferred

from ...index.search import Document, documents
from ...library.shared import Library
from ...net.connect import Reactor
from ...swarm.errors import Ambiguous
from ...swarm.verifier import in_thread
from ...wire.address import Address
from ...wire.records import IndexRecord
from ..peers.discovery import Discovery
from .model import Download, DownloadFile
from .skipped import skipped_names
from .swarm_fetcher import REFRESH_TIMEOUT
from .together import in_turns

HASH = re.compile("[0-9a-fA-F]{8,64}")
"""First digits of a SHA-256, which choose one content of a name."""
MAX_CONTENTS, MAX_HOLDERS = 5, 3
"""Contents of one name that an error names, and holders of each."""
CONFIRM_TIMEOUTS = (3, 7)
"""Seconds for which the holders that hearsay names are waited for: all of them, then until one has answered."""


class Selection:
    """Finds documents in the index of `discovery` that are not in `library`. `now` gives monotonic seconds."""

    def __init__(self, reactor: Reactor, library: Library, discovery: Discovery, now: Callable[[], float]) -> None:
        self._reactor = reactor
        self._library = library
        self._discovery = discovery
        self._index = discovery.index
        self._now = now

    async def batches(self, download: Download) -> AsyncIterator[list[DownloadFile]]:
        """Yield a file for each document that `download` is of; one that cannot be fetched has its error.

        In a download of all, those that are to be skipped are left out, and noted in `download`. Where all peers are
        known as they are now, they are asked meanwhile, and what else there is makes a second batch.
        """
        if download.names is not None:
            yield await self._named(download, download.names)
            return
        asked = Deferred.fromCoroutine(self._ask_all(download))
        if not self._is_current():
            await asked
        known = await self._all(download, [])
        yield known
        await asked
        yield await self._all(download, known)

    async def _named(self, download: Download, names: Sequence[str]) -> list[DownloadFile]:
        await self._learn_of(download, names)
        wanted = [self._parsed(download, name) for name in names]
        return [self._file(name, hash_, self._holders(download, name)) for name, hash_ in wanted]

    # asking

    def _is_current(self) -> bool:
        """Return whether all peers that can be reached, one at least, are known as they are now."""
        peers = [peer for peer in self._discovery.peers.values() if not (peer.is_self or peer.failures)]
        return bool(peers) and all(peer.is_current(self._now()) for peer in peers)

    async def _ask_all(self, download: Download) -> None:
        await self._refresh()
        await self._confirm(download, self._index.all_hints(self._now()), CONFIRM_TIMEOUTS[0])

    async def _refresh(self) -> None:
        if len(self._index):
            await self._discovery.refresh(REFRESH_TIMEOUT)
        else:
            await self._discovery.refresh()

    async def _learn_of(self, download: Download, names: Sequence[str]) -> None:
        """Ask the RS and the peers again, unless all names are known: followed peers announce what changes."""
        if self._unknown(download, names):
            await self._refresh()
        for timeout in CONFIRM_TIMEOUTS:
            if unknown := self._unknown(download, names):
                told = self._index.hints(
                    {*unknown, *(self._parsed(download, name)[0] for name in unknown)}, self._now()
                )
                await self._confirm(download, [*(download.holders or ()), *told], timeout)

    async def _confirm(self, download: Download, hints: Iterable[Address], timeout: float) -> None:
        """Ask those of `hints` that may be asked for their index."""
        if addresses := list(filter(download.may_ask, hints)):
            await self._discovery.confirm(addresses, timeout)

    def _unknown(self, download: Download, names: Iterable[str]) -> list[str]:
        return [name for name in names if not self._holders(download, self._parsed(download, name)[0])]

    # choosing

    def _parsed(self, download: Download, wanted: str) -> tuple[str, str]:
        """Return the name and the first digits of a SHA-256 (or "") that NAME or NAME@HASH stands for."""
        if wanted in download.contents:
            return wanted, download.contents[wanted]
        name, at, hash_ = wanted.rpartition("@")
        if not at or not HASH.fullmatch(hash_) or self._index.holders_of(wanted, self._now()):
            return wanted, ""
        return name, hash_.lower()

    def _holders(self, download: Download, name: str) -> list[IndexRecord]:
        holders = self._index.holders_of(name, self._now())
        return [holder for holder in holders if download.may_ask((holder.host, holder.port))]

    async def _all(self, download: Download, before: Iterable[DownloadFile]) -> list[DownloadFile]:
        """Return a file for each document that others have and this peer lacks, but for those found `before`."""
        own = {*self._library.files, *(file.name for file in before)}
        names = await in_thread(self._reactor, sorted, set(self._index.names()) - own - download.skipped.keys())
        found = {name: self._holders(download, name) async for name in in_turns(self._reactor, names)}
        holders = {name: records for name, records in found.items() if records}
        counts = {name: len(records) for name, records in holders.items()}
        skipped = await in_thread(self._reactor, skipped_names, counts, own)
        left = [name for name in holders if name not in skipped]
        files = [self._file(name, "", holders[name]) async for name in in_turns(self._reactor, left)]
        download.skipped |= skipped | {file.name: str(file.error) for file in files if file.error is not None}
        return [file for file in files if file.document is not None]

    def _file(self, name: str, hash_: str, holders: Iterable[IndexRecord]) -> DownloadFile:
        found = [document for document in documents(holders) if (document.sha256 or "").startswith(hash_)]
        if len(found) > 1:
            return DownloadFile(name, None, error=Ambiguous(_choice(name, found)))
        return DownloadFile(name, found[0] if found else None)


def _choice(name: str, found: Sequence[Document]) -> str:
    """Return the text of an error: the contents of one name, and how to choose one."""
    contents = []
    for document in found[:MAX_CONTENTS]:
        assert document.sha256 is not None  # records without a hash are joined to one that has
        holders = [f"{holder.host}:{holder.port}" for holder in document.holders]
        more = f" and {len(holders) - MAX_HOLDERS} more" if len(holders) > MAX_HOLDERS else ""
        at = ", ".join(holders[:MAX_HOLDERS])
        contents.append(f"@{document.sha256[:8]} ({document.size} bytes, at {at}{more})")
    more = f" and {len(found) - MAX_CONTENTS} more" if len(found) > MAX_CONTENTS else ""
    return (
        f"there are {len(found)} contents of this name: {', '.join(contents)}{more}; "
        f"choose one with {name}@{(found[0].sha256 or '')[:8]} or by its holder (from)"
    )
