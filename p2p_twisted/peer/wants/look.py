"""A look at one want: what its documents are, what is here of them, and what is to be done about each."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...index.distributed import DistributedIndex
from ...index.holdings import Holdings
from ...index.search import Document, documents
from ...library.cache import Stamp
from ...library.shared import Library
from ...net.connect import Reactor
from ...swarm.verifier import in_thread
from ...wire.address import Address
from ...wire.records import IndexRecord
from ..downloads.skipped import skipped_names
from ..downloads.together import in_turns
from .decision import Decision, Place, Stay, decide
from .places import Found, Places
from .want import Want, is_several
from .want_file import KeptFile, WantFile

BATCH = 100
"""Places that a thread looks at in one go."""


@dataclass(frozen=True)
class Candidate:
    """A name, its contents as their holders describe them, and what others say that holders have."""

    name: str
    known: Sequence[Document]
    told: Sequence[Document]

    @property
    def sizes(self) -> set[int | None]:
        """The sizes of the contents, in bytes."""
        return {document.size for document in (*self.known, *self.told)}


@dataclass(frozen=True)
class Judged:
    """What to do about a name. `stamp`: of the file that is there; `is_listed`: somebody is known to have it.

    `to_ask`: holders of that file of which only others say that they have a new version.
    """

    name: str
    decision: Decision
    is_here: bool = False
    stamp: Stamp | None = None
    is_listed: bool = True
    to_ask: frozenset[Address] = frozenset()


class Looker:
    """Looks at wants: at the documents in `index`, and at what is below their folders. `file` has what was fetched."""

    def __init__(self, reactor: Reactor, index: DistributedIndex, library: Library, file: WantFile) -> None:
        self._reactor = reactor
        self._index = index
        self._library = library
        self._file = file
        self._places = Places()

    def stop(self) -> None:
        """Read no further file."""
        self._places.stop()

    async def names(
        self, want: Want, among: Iterable[str] | None, seen: Mapping[str, int], holdings: Holdings
    ) -> tuple[list[str], dict[str, int]]:
        """Return the names that `want` is for and that are to be looked at, and the others with their signatures.

        They are those of `among`, or all where it is None. One with the signature that it has in `seen` need not be
        looked at.
        """
        fresh: list[str] = []
        same: dict[str, int] = {}
        own = self._own(want)
        every = {*self._index.names(), *self._file.names(want.directory)} if among is None else among
        async for name in in_turns(self._reactor, every):
            if not want.matches(name) or self._is_elsewhere(name, own):
                continue
            if seen and seen.get(name) == (signature := signature_of(name, holdings)):
                same[name] = signature
            else:
                fresh.append(name)
        return fresh, same

    def _own(self, want: Want) -> Path | None:
        """Return the real path of the folder of `want` if that is the download folder, else None."""
        folder, shared = os.path.realpath(want.directory), self._library.folders
        return shared[-1] if shared and os.fspath(shared[-1]) == folder else None

    def _is_elsewhere(self, name: str, downloads: Path | None) -> bool:
        """Return whether this peer shares the document from another folder, so that the download folder needs none."""
        file = self._library.get(name) if downloads is not None else None
        return file is not None and file.root != downloads

    async def skipped(self, want: Want, names: Iterable[str], chosen: Collection[str], now: float) -> dict[str, str]:
        """Return those of `names` that are fetched only if they are asked for one by one, with the reasons.

        `chosen` are others that are to be fetched. `now` is monotonic seconds, here and below.
        """
        if not is_several(want.pattern):
            return {}
        kept = self._file.names(want.directory)
        counts: dict[str, int] = {}
        async for name in in_turns(self._reactor, names):
            records = () if name in kept else self._holders(want, name, now) or self._hearsay(want, name, now)
            if records:
                counts[name] = len(records)
        return await in_thread(self._reactor, skipped_names, counts, frozenset((*kept, *chosen))) if counts else {}

    def _holders(self, want: Want, name: str, now: float) -> list[IndexRecord]:
        return [one for one in self._index.holders_of(name, now) if want.counts((one.host, one.port))]

    def _hearsay(self, want: Want, name: str, now: float) -> list[IndexRecord]:
        return [one for one in self._index.hearsay_of(name, now) if want.counts((one.host, one.port))]

    def _candidate(self, want: Want, name: str, now: float) -> Candidate:
        return Candidate(name, documents(self._holders(want, name, now)), documents(self._hearsay(want, name, now)))

    async def judge(self, want: Want, names: Iterable[str], now: float) -> list[Judged]:
        """Return what to do about `names`, at most BATCH; without those that nobody has and that were never here."""
        kept = self._file.names(want.directory)
        every = [self._candidate(want, name, now) for name in names]
        candidates = [one for one in every if one.sizes or one.name in kept]
        rows = [self._file.get(want.directory, one.name) for one in candidates]
        arguments = [(one.name, row, one.sizes) for one, row in zip(candidates, rows, strict=True)]
        places = await in_thread(self._reactor, self._find, want.directory, arguments)
        fresh = [
            (one.name, found.kept)
            for one, row, found in zip(candidates, rows, places, strict=True)
            if found.kept != row
        ]
        if fresh:
            self._file.put(want.directory, [(name, kept) for name, kept in fresh if kept is not None])
        return [_judged(one, found) for one, found in zip(candidates, places, strict=True)]

    def _find(self, folder: Path, arguments: Iterable[tuple[str, KeptFile | None, set[int | None]]]) -> list[Found]:
        return [self._places.find(folder, *one) for one in arguments]


def signature_of(name: str, holdings: Holdings) -> int:
    """Return a number that is another when something else is said of the document `name`."""
    return hash(frozenset(holdings.of(name)))


def _judged(candidate: Candidate, found: Found) -> Judged:
    if found.error is not None:
        return Judged(candidate.name, Stay(found.error if candidate.known else None))
    decision = decide(candidate.known, candidate.told, found.place, found.kept is not None)
    to_ask = _to_ask(candidate, found.place)
    return Judged(candidate.name, decision, found.place is not None, found.stamp, bool(candidate.sizes), to_ask)


def _to_ask(candidate: Candidate, place: Place | None) -> frozenset[Address]:
    if candidate.known or place is None or place.holders is None:
        return frozenset()
    others = [document for document in candidate.told if document.sha256 != place.sha256]
    return place.holders & {(record.host, record.port) for document in others for record in document.holders}
