"""The state of a swarm that requests are chosen by: missing pieces, which source has which, and what is outstanding.

Pure: no I/O. A source is known by its address, a file by its SHA-256 (hex), times are the caller's seconds. Sets of
pieces are ints (wire/ranges.py, Bits).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..wire.address import Address
from ..wire.ranges import Bits, Ranges, first_bits
from .availability import Availability


@dataclass(frozen=True)
class PieceRequest:
    """A request for this piece."""

    sha256: str
    piece: int


@dataclass(frozen=True)
class NextRequest:
    """A request for any of these pieces that the source has given to no peer yet."""

    wants: tuple[tuple[str, Ranges], ...]


Request = PieceRequest | NextRequest


@dataclass
class WantedFile:
    """A file that is fetched, of `count` pieces."""

    sha256: str
    count: int
    missing: Bits
    outstanding: dict[int, dict[Address, float]] = field(default_factory=dict)
    """For each piece that is requested: of which sources, and since when."""
    requested: Bits = 0
    """The pieces that are outstanding."""
    partial: Availability = field(default_factory=Availability)
    """The pieces of the sources that have not all of it."""
    complete: int = 0
    """Sources that have all of it."""
    piece_bytes: int = 0
    """Bytes of each piece but the last."""

    @property
    def unrequested(self) -> Bits:
        """The missing pieces that are requested of no source."""
        return self.missing & ~self.requested


@dataclass(slots=True)
class SourceState:
    """The pieces that one source has, and has not given."""

    has: dict[str, Bits | None] = field(default_factory=dict)
    """The pieces of each file; None if it has all of them."""
    super_seeded: list[str] = field(default_factory=list)
    """The files of which it may be asked for the next piece, the first soonest."""
    interesting: list[str] = field(default_factory=list)
    """Its files that are wanted."""
    hash_failed: dict[str, Bits] = field(default_factory=dict)
    """The pieces of each file that it sent and that were not right."""
    refused: dict[str, Bits] = field(default_factory=dict)
    """The pieces that it said it does not have, until it announces the file again."""
    downloads: bool = False
    """Whether it has got pieces since the swarm began."""
    postponed: dict[str, float] = field(default_factory=dict)
    """The files that it cannot send at the moment, and when it may be asked for them again."""

    def pieces(self, wanted: WantedFile, among: Bits) -> Bits:
        """Return those of the pieces `among` that this source has, and neither refused nor sent wrong."""
        has = self.has.get(wanted.sha256, 0)
        found = among if has is None else among & has
        return found & ~self.refused.get(wanted.sha256, 0) & ~self.hash_failed.get(wanted.sha256, 0)

    def may_send(self, sha256: str, now: float) -> bool:
        """Return whether it may be asked for the file at `now`."""
        if self.postponed.get(sha256, 0.0) > now:
            return False
        self.postponed.pop(sha256, None)
        return True


class PickerState:
    """The pieces that a swarm still needs, and those that its sources have."""

    def __init__(self) -> None:
        self.files: dict[str, WantedFile] = {}
        self.sources: dict[Address, SourceState] = {}
        self.seeds: dict[str, list[Address]] = {}
        """The sources that have had all of a file since before the swarm began, in an order that all peers agree on."""
        self.unrequested = 0
        """Missing pieces, of all files, that are requested of no source."""
        self.has_put_back = False
        """Whether any became so again since this was set."""

    # files

    def want(self, sha256: str, count: int, missing: Bits, piece_bytes: int = 0) -> None:
        """Fetch the `missing` pieces of a file of `count` pieces, of so many bytes each."""
        wanted = WantedFile(sha256, count, missing, piece_bytes=piece_bytes)
        self.files[sha256] = wanted
        self.unrequested += missing.bit_count()
        for state in self.sources.values():
            if sha256 in state.has:
                self._count(state, wanted, 1)
                if sha256 not in state.interesting:
                    state.interesting.append(sha256)

    def unwant(self, sha256: str) -> None:
        """Stop fetching the file: it is complete, or has failed."""
        wanted = self.files.pop(sha256, None)
        if wanted is not None:
            self.unrequested -= wanted.unrequested.bit_count()
        for state in self.sources.values():
            state.super_seeded = [other for other in state.super_seeded if other != sha256]
            state.interesting = [other for other in state.interesting if other != sha256]

    def put_back(self, pieces: int) -> None:
        """Count so many missing pieces as requested of no source any more."""
        self.unrequested += pieces
        self.has_put_back = True

    # what sources have

    def add_seed(self, source: Address, sha256: str) -> None:
        """Note that `source` has had all of the file since before this swarm began."""
        self._has_all(source, sha256)
        self.sources[source].super_seeded.append(sha256)
        # in order: every downloader must give the same share to the same seed
        insort(self.seeds.setdefault(sha256, []), source, key=repr)

    def add_complete(self, source: Address, sha256: str) -> None:
        """Note that `source` has the whole file now, even if it refused pieces before."""
        self._has_all(source, sha256)
        self.sources[source].downloads = True

    def _has_all(self, source: Address, sha256: str) -> None:
        state = self._state(source)
        state.refused.pop(sha256, None)
        state.postponed.pop(sha256, None)
        self._replace(source, sha256, None)

    def add_pieces(self, source: Address, sha256: str, pieces: Bits) -> None:
        """Note that `source` has these pieces of the file too."""
        if sha256 not in self._state(source).has:
            self._replace(source, sha256, 0)
        state, wanted = self._state(source), self.files.get(sha256)
        state.downloads = True
        has = state.has[sha256]
        if sha256 in state.refused:
            state.refused[sha256] &= ~pieces
        if has is not None:
            state.has[sha256] = has | pieces
            if wanted is not None:
                wanted.partial.add(pieces & ~has & first_bits(wanted.count))

    def _state(self, source: Address) -> SourceState:
        return self.sources.setdefault(source, SourceState())

    def _replace(self, source: Address, sha256: str, has: Bits | None) -> None:
        state, wanted = self._state(source), self.files.get(sha256)
        if wanted is not None:
            self._count(state, wanted, -1)
        if sha256 not in state.has:
            state.interesting.append(sha256)
        state.has[sha256] = has
        if wanted is not None:
            self._count(state, wanted, 1)

    def _count(self, state: SourceState, wanted: WantedFile, by: int) -> None:
        has = state.has.get(wanted.sha256, 0)
        if has is None:
            wanted.complete += by
        elif by > 0:
            wanted.partial.add(has & first_bits(wanted.count))
        else:
            wanted.partial.remove(has & first_bits(wanted.count))

    def has(self, source: Address, sha256: str) -> bool:
        """Return whether `source` is known to have some of the file."""
        return source in self.sources and sha256 in self.sources[source].has

    def is_seed(self, source: Address) -> bool:
        """Return whether `source` has had a wanted file since before the swarm began."""
        return any(source in seeds for seeds in self.seeds.values())

    def share(self, source: Address, wanted: WantedFile, pieces: Bits) -> Bits:
        """Return those of the `pieces` of a file that `source`, of all its seeds, is asked for."""
        seeds = self.seeds[wanted.sha256]
        if len(seeds) == 1 or not pieces:
            return pieces
        rank = seeds.index(source)
        if wanted.count == 1:
            return pieces if int(wanted.sha256[:8], 16) % len(seeds) == rank else 0
        first, last = (wanted.count * r // len(seeds) for r in (rank, rank + 1))
        return pieces & (first_bits(last - first) << first)

    def sources_of(self, sha256: str) -> Iterator[Address]:
        """Yield the sources that may have missing pieces of the file, now or later."""
        wanted = self.files.get(sha256)
        for source, state in self.sources.items():
            if sha256 in state.has and (wanted is None or state.has[sha256] or state.pieces(wanted, wanted.missing)):
                yield source

    def postpone(self, source: Address, sha256: str, until: float) -> None:
        """Ask `source` for nothing of the file before the time `until`."""
        self._state(source).postponed[sha256] = until

    def unreachable(self, source: Address) -> None:
        """Let the other seeds of its files give the share of `source`, which cannot be reached."""
        for sha256, seeds in self.seeds.items():
            if source in seeds and len(seeds) > 1:
                seeds.remove(source)
                state = self.sources[source]
                state.super_seeded = [other for other in state.super_seeded if other != sha256]

    def forget(self, source: Address, sha256: str) -> None:
        """Note that `source` has nothing of the file."""
        state = self.sources.get(source)
        if state is not None and sha256 in state.has:
            self._replace(source, sha256, 0)
            del state.has[sha256]
            state.interesting = [other for other in state.interesting if other != sha256]
            state.super_seeded = [other for other in state.super_seeded if other != sha256]
            seeds = self.seeds.get(sha256, [])
            if source in seeds:
                seeds.remove(source)

    def remove(self, source: Address) -> None:
        """Forget `source`."""
        state = self.sources.pop(source, None)
        if state is not None:
            for wanted in self.files.values():
                self._count(state, wanted, -1)
            for seeds in self.seeds.values():
                if source in seeds:
                    seeds.remove(source)
