"""Which piece to ask of which source next. Pure: no I/O; chance comes from a given Random, time is an argument.

The order of choice, for a source that has room for another request:

1. Of the files that the source had complete when the download began, and has not yet given out to the last piece, ask
   for *the next* one: the source, not the asker, knows what it has sent to nobody yet (handout.py). Where several such
   sources are known, each is asked for its own share of the pieces, so that they do not send the same.
2. Of what it is known to have and nobody is asked for, the rarest piece.
3. At the end, when all that is missing is on its way, a piece that has been outstanding at another source for too long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from ..wire.address import Address
from ..wire.limits import MAX_WANTS
from ..wire.ranges import Ranges, to_ranges
from .picker_state import NextRequest, PieceRequest, Request, SourceState, WantedFile

MAX_REQUEST_WANTS = MAX_WANTS // 2
"""Files named in one request for the next piece."""
MAX_RANGES = 100
"""Ranges in one want: a line on the wire has its limit."""
MAX_FILES_COMPARED = 32
"""Files with something to ask for that one choice is made among: of thousands, a look at all would cost too much."""
ENDGAME_DELAY = 1.0
"""Seconds that a piece is outstanding before another source may be asked for it too."""
NOTHING: set[int] = set()


class Picker:
    """The state of one download, as far as choices depend on it."""

    def __init__(self, random: Random) -> None:
        self.files: dict[str, WantedFile] = {}
        self._sources: dict[Address, SourceState] = {}
        self._seeds: dict[str, list[Address]] = {}
        self._random = random
        self._unrequested = 0
        """Pieces that are missing and requested of no source."""

    # what is known

    def want(self, sha256: str, count: int, missing: Iterable[int]) -> None:
        """Fetch the `missing` pieces of a file of `count` pieces."""
        wanted = WantedFile(sha256, count, set(missing))
        self.files[sha256] = wanted
        self._unrequested += len(wanted.missing)
        for known in self._sources.values():
            if sha256 in known.has:
                self._count(known, wanted, 1)
                if sha256 not in known.useful:
                    known.useful.append(sha256)

    def add_seed(self, source: Address, sha256: str) -> None:
        """`source` has had all of the file since before this download began."""
        self.add_complete(source, sha256)
        self._sources[source].fresh.append(sha256)
        seeds = self._seeds.setdefault(sha256, [])
        seeds.append(source)
        seeds.sort(key=repr)  # every downloader must give the same share to the same seed

    def add_complete(self, source: Address, sha256: str) -> None:
        """`source` has all of the file by now, whatever it refused before."""
        known = self._known(source)
        known.refused.pop(sha256, None)
        known.postponed.pop(sha256, None)
        self._update(source, sha256, None)

    def add_pieces(self, source: Address, sha256: str, pieces: Iterable[int]) -> None:
        """`source` has these pieces of the file too."""
        if sha256 not in self._known(source).has:
            self._update(source, sha256, set())
        known, wanted = self._known(source), self.files.get(sha256)
        has, pieces = known.has[sha256], set(pieces)
        known.refused.get(sha256, set()).difference_update(pieces)
        if has is not None:
            for piece in pieces - has:
                has.add(piece)
                if wanted is not None:
                    wanted.holders[piece] = wanted.holders.get(piece, 0) + 1

    def _known(self, source: Address) -> SourceState:
        return self._sources.setdefault(source, SourceState())

    def _update(self, source: Address, sha256: str, has: set[int] | None) -> None:
        known, wanted = self._known(source), self.files.get(sha256)
        if wanted is not None:
            self._count(known, wanted, -1)
        if sha256 not in known.has:
            known.useful.append(sha256)
        known.has[sha256] = has
        if wanted is not None:
            self._count(known, wanted, 1)

    def _count(self, known: SourceState, wanted: WantedFile, by: int) -> None:
        has = known.has.get(wanted.sha256, set())
        if has is None:
            wanted.complete += by
            return
        for piece in has:
            wanted.holders[piece] = wanted.holders.get(piece, 0) + by

    def remove_source(self, source: Address) -> None:
        """`source` is gone, or not to be asked any more."""
        known = self._sources.pop(source, None)
        if known is None:
            return
        for wanted in self.files.values():
            self._count(known, wanted, -1)
            for piece in [piece for piece, sources in wanted.outstanding.items() if source in sources]:
                self._release(wanted, piece, source)
        for seeds in self._seeds.values():
            if source in seeds:
                seeds.remove(source)

    def postpone(self, source: Address, sha256: str, until: float) -> None:
        """`source` cannot send of the file before the time `until`."""
        self._known(source).postponed[sha256] = until

    def away(self, source: Address) -> None:
        """`source` cannot be reached: others who had a file from the start give its share of it from now on."""
        for sha256, seeds in self._seeds.items():
            if source in seeds and len(seeds) > 1:
                seeds.remove(source)
                known = self._sources[source]
                known.fresh = [fresh for fresh in known.fresh if fresh != sha256]

    def knows(self, source: Address, sha256: str) -> bool:
        """Whether `source` is known to have some of the file."""
        return source in self._sources and sha256 in self._sources[source].has

    def sources_of(self, sha256: str) -> Iterator[Address]:
        """The sources that may have what is missing of the file, now or later: those with an unfinished one, too."""
        wanted = self.files.get(sha256)
        for source, known in self._sources.items():
            if sha256 in known.has and (
                wanted is None or known.has[sha256] is not None or known.pieces(wanted, wanted.missing)
            ):
                yield source

    def forget(self, source: Address, sha256: str) -> None:
        """`source` has nothing of the file."""
        known = self._sources.get(source)
        if known is not None and sha256 in known.has:
            self._update(source, sha256, set())
            del known.has[sha256]
            known.useful = [useful for useful in known.useful if useful != sha256]
            known.fresh = [fresh for fresh in known.fresh if fresh != sha256]
            seeds = self._seeds.get(sha256, [])
            if source in seeds:
                seeds.remove(source)

    def unwant(self, sha256: str) -> None:
        """The file is not fetched any more: it is complete, or has failed."""
        wanted = self.files.pop(sha256, None)
        if wanted is not None:
            self._unrequested -= len(wanted.unrequested())
        for known in self._sources.values():
            known.fresh = [other for other in known.fresh if other != sha256]
            known.useful = [other for other in known.useful if other != sha256]

    # the choice

    def next(self, source: Address, now: float) -> Request | None:
        """What to ask of `source`, which then counts as asked; None when it has nothing that is needed."""
        known = self._sources.get(source)
        if known is None:
            return None
        request = self._next_of_seed(source, known, now)
        if request is not None:
            return request
        found = self._rarest(known, now) or self._endgame(source, known, now)
        if found is None:
            return None
        wanted, piece = found
        self._note_request(wanted, piece, source, now)
        return PieceRequest(wanted.sha256, piece)

    def _next_of_seed(self, source: Address, known: SourceState, now: float) -> NextRequest | None:
        wants: list[tuple[str, Ranges]] = []
        for sha256 in self._rotated(known.fresh):
            wanted = self.files.get(sha256)
            if wanted is None or not known.may_send(sha256, now):
                continue  # its piece list is not known yet, or it cannot be sent now
            pieces = known.pieces(wanted, wanted.unrequested())
            share = pieces & self._share(source, wanted) if pieces else pieces
            if share:
                wants.append((sha256, to_ranges(share)[:MAX_RANGES]))
                if len(share) > 1 or len(wants) == MAX_REQUEST_WANTS:
                    break  # one file with several pieces fills a request
            else:
                known.fresh.remove(sha256)
        return NextRequest(tuple(wants)) if wants else None

    def _share(self, source: Address, wanted: WantedFile) -> set[int]:
        seeds = self._seeds[wanted.sha256]
        if len(seeds) == 1:
            return wanted.missing
        rank = seeds.index(source)
        if wanted.count == 1:
            return {0} if int(wanted.sha256[:8], 16) % len(seeds) == rank else set()
        first, last = (wanted.count * r // len(seeds) for r in (rank, rank + 1))
        return set(range(first, last))

    def _rarest(self, known: SourceState, now: float) -> tuple[WantedFile, int] | None:
        best: tuple[int, float, WantedFile, int] | None = None
        fresh = set(known.fresh)
        looked_at = 0
        for sha256 in self._rotated(known.useful):
            wanted = self.files.get(sha256)
            if wanted is None or sha256 in fresh or not known.may_send(sha256, now):
                continue
            pieces = known.pieces(wanted, wanted.unrequested())
            for piece in pieces:
                key = (wanted.availability(piece), self._random.random())
                if best is None or key < best[:2]:
                    best = (*key, wanted, piece)
            looked_at += bool(pieces)
            if looked_at == MAX_FILES_COMPARED:
                break
        return best and best[2:]

    def _endgame(self, source: Address, known: SourceState, now: float) -> tuple[WantedFile, int] | None:
        if self._unrequested:
            return None
        for sha256 in self._rotated(known.useful):
            wanted = self.files.get(sha256)
            if wanted is None or not known.may_send(sha256, now):
                continue
            for piece in known.pieces(wanted, wanted.missing):
                sources = wanted.outstanding.get(piece, {})
                if (
                    source not in sources
                    and len(sources) < 2
                    and all(now - since > ENDGAME_DELAY for since in sources.values())
                ):
                    return wanted, piece
        return None

    def _rotated(self, names: list[str]) -> list[str]:
        """`names` from a place taken by chance on: two downloaders begin with different files."""
        start = self._random.randrange(len(names)) if names else 0
        return names[start:] + names[:start]

    # what became of it

    def arriving(self, source: Address, sha256: str, piece: int, now: float) -> list[Address]:
        """Note that `source` has begun to send this piece; return the other sources at which it is outstanding."""
        wanted = self.files.get(sha256)
        if wanted is None or piece not in wanted.missing:
            return []
        self._note_request(wanted, piece, source, now)
        return [other for other in wanted.outstanding[piece] if other != source]

    def got(self, sha256: str, piece: int) -> None:
        """The piece is here and right."""
        wanted = self.files[sha256]
        if piece in wanted.missing:
            wanted.missing.remove(piece)
            self._unrequested -= wanted.outstanding.pop(piece, None) is None

    def release(self, source: Address, sha256: str, piece: int) -> None:
        """`source` will not send the piece: it is free to be asked for elsewhere."""
        wanted = self.files.get(sha256)
        if wanted is not None:
            self._release(wanted, piece, source)

    def hash_failed(self, source: Address, sha256: str, piece: int) -> None:
        """What `source` sent as this piece was not it; it is not asked for it again."""
        self.release(source, sha256, piece)
        if source in self._sources:
            self._sources[source].hash_failed.add((sha256, piece))

    def lacks(self, source: Address, request: Request) -> None:
        """`source` answered that it has not got what it was asked for, or has given out all of it."""
        known = self._sources.get(source)
        if isinstance(request, PieceRequest):
            self.release(source, request.sha256, request.piece)
            if known is None:
                return
            if known.has.get(request.sha256, NOTHING) is None:
                self.forget(source, request.sha256)  # one that had all of it has none of it any more
            else:
                known.refused.setdefault(request.sha256, set()).add(request.piece)
        elif known is not None:
            asked = {sha256 for sha256, _ in request.wants}
            known.fresh = [sha256 for sha256 in known.fresh if sha256 not in asked]

    def _release(self, wanted: WantedFile, piece: int, source: Address) -> None:
        sources = wanted.outstanding.get(piece)
        if sources is not None:
            sources.pop(source, None)
            if not sources:
                del wanted.outstanding[piece]
                self._unrequested += 1

    def _note_request(self, wanted: WantedFile, piece: int, source: Address, now: float) -> None:
        self._unrequested -= piece not in wanted.outstanding
        wanted.outstanding.setdefault(piece, {})[source] = now

    def done(self) -> bool:
        """Whether nothing is missing."""
        return not any(wanted.missing for wanted in self.files.values())
