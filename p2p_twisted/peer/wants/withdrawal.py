"""What holders say of documents after these were fetched: they have removed them, or have them again.

A file is removed only after its holders have said so: with a line of the changes of their index, or by an index that
has lacked the document for ABSENT_TIME although its holder was there. A holder that stops, or cannot be reached, says
nothing. Neither does an RS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from twisted.internet.interfaces import IReactorTime

from ...events.types import IndexChanged
from ...index.distributed import DistributedIndex
from ...wire.address import Address
from ...wire.changes import Removed
from ...wire.records import IndexRecord
from ..downloads.together import in_turns
from .want import Want
from .want_file import Content, KeptFile, WantFile

ABSENT_TIME = 3600.0
"""Seconds for which an index lacks a document before that counts as removed: who starts has to read its files first."""


class Withdrawals:
    """Takes holders from the files in `file` that were fetched for wants. Times are monotonic seconds."""

    def __init__(self, clock: IReactorTime, file: WantFile, index: DistributedIndex) -> None:
        self._clock = clock
        self._file = file
        self._index = index
        self._last: dict[tuple[Path, str], Address] = {}
        """The last holder to withdraw, where others have taken its place."""
        self._absent: dict[tuple[Path, str, Address], float] = {}
        """Since when the index of a holder has lacked a document."""

    def changed(self, event: IndexChanged, wants: Iterable[Want], now: float) -> None:
        """Take the changes of one peer's index."""
        counting = [want for want in wants if want.counts(event.peer)]
        changes = [change for change in event.changes if isinstance(change, IndexRecord | Removed)]
        for folder in {want.directory for want in counting}:
            known = self._file.names(folder)
            for change in changes:
                if change.name in known:
                    self._change(folder, change, event.peer, counting, now)

    def _change(
        self, folder: Path, change: IndexRecord | Removed, peer: Address, wants: Iterable[Want], now: float
    ) -> None:
        self._absent.pop((folder, change.name, peer), None)
        row = self._file.get(folder, change.name)
        if row is not None and isinstance(change, Removed):
            self._withdraw(folder, change.name, row, peer, self._others(change.name, peer, wants, now))
        elif (
            row is not None
            and row.here is not None
            and (not row.here.holders or self._is_back(folder, change.name, peer))
        ):
            self._file.put(folder, [(change.name, replace(row, here=Content(row.here.sha256, frozenset([peer]))))])

    def _is_back(self, folder: Path, name: str, peer: Address) -> bool:
        """Return whether `peer` was the last holder to withdraw: a file that changes is gone for a moment."""
        return self._last.pop((folder, name), None) == peer

    def _others(self, name: str, peer: Address, wants: Iterable[Want], now: float) -> frozenset[Address]:
        """Return the peers but `peer` that count and have the document now."""
        found = {(record.host, record.port) for record in self._index.holders_of(name, now)} - {peer}
        return frozenset(one for one in found if any(want.counts(one) for want in wants))

    def _withdraw(self, folder: Path, name: str, row: KeptFile, peer: Address, others: frozenset[Address]) -> None:
        """Note that `peer` no longer has the document; `others` that have it now are its holders if there are none."""

        def less(content: Content | None) -> Content | None:
            if content is None or peer not in content.holders:
                return content
            return Content(content.sha256, content.holders - {peer} or others)

        if row.here is not None and row.here.holders == {peer}:
            self._last[folder, name] = peer
        fresh = replace(row, here=less(row.here), coming=less(row.coming))
        if fresh != row:
            self._file.put(folder, [(name, fresh)])

    async def absent(self, folder: Path, names: Iterable[str], now: float) -> set[str]:
        """Take from files below `folder` the holders whose index has lacked them for ABSENT_TIME; return which files.

        `names` are all files there that nobody is known to have now.
        """
        before = {key: since for key, since in self._absent.items() if key[0] == folder}
        found: dict[tuple[Path, str, Address], float] = {}
        async for name in in_turns(self._clock, names):
            row = self._file.get(folder, name)
            for holder in row.here.holders if row is not None and row.here is not None else ():
                if self._index.has_said(holder, now):
                    found[folder, name, holder] = before.get((folder, name, holder), now)
        self._absent = {key: since for key, since in self._absent.items() if key[0] != folder} | found
        over = [key for key, since in found.items() if now - since >= ABSENT_TIME]
        async for _, name, holder in in_turns(self._clock, over):
            if row := self._file.get(folder, name):
                self._withdraw(folder, name, row, holder, frozenset())
        return {name for _, name, _ in over}
