"""The choice of the next request to a source. Pure: no I/O; chance comes from a given Random, time is an argument.

The order of choice, for a source that may be asked for another piece:

1. Of the files that the source had complete when the swarm began, and has not yet given out to the last piece, ask for
   *the next* one: the source, not the downloader, knows what it has sent to nobody yet (super_seeding.py). Of several
   such sources each is asked for its own share of the pieces, so that they do not send the same.
2. Of the pieces that it has and that are requested of no source, one of the rarest.
3. In the endgame, when all missing pieces are requested, one that has been outstanding at another source for long.
"""

from __future__ import annotations

from random import Random

from ..wire.address import Address
from ..wire.limits import MAX_WANTS
from ..wire.ranges import Bits, Ranges, members, to_ranges
from .picker_state import NextRequest, PickerState, PieceRequest, Request, SourceState, WantedFile
from .sites import Sites
from .super_seeding import MIN_FOLLOWED

MAX_REQUEST_WANTS = MAX_WANTS // 2
"""Pieces named in one request for the next piece, over several files if need be: of the last file, all are."""
MAX_RANGES = 100
"""Ranges in one want: a line on the wire has its limit."""
MAX_FILES_COMPARED = 32
"""Files with unrequested pieces that one choice is made among: of thousands, a look at all would cost too much."""
ENDGAME_DELAY, SMALL_ENDGAME_DELAY = 1.0, 0.1
"""Seconds that a piece is outstanding before a second source may be asked for it too; the same where all are small."""
ENDGAME_COPIES = 2
"""Sources asked for the same piece at the same time, unless the swarm starves."""


class Picker:
    """Chooses requests by `state`, and notes them there."""

    def __init__(self, random: Random, sites: Sites | None = None) -> None:
        self.state = PickerState()
        self.sites = sites
        """Where the sources are; None if that does not matter."""
        self.copies = ENDGAME_COPIES
        """Sources that may be asked for the same piece at the same time. More: at once, for none of them sends."""
        self.all_small = False
        """Whether all files are small."""
        self._random = random

    def next_request(self, source: Address, now: float) -> Request | None:
        """Return a request for `source`, which counts as outstanding from `now`; None if it has nothing needed."""
        state = self.state.sources.get(source)
        if state is None:
            return None
        return self._next_of_seed(source, state, now) or self.next_piece(source, now)

    def next_super_seeded(self, source: Address, now: float) -> NextRequest | None:
        """Return a request for the next piece of `source`; None if it has nothing left to give out."""
        state = self.state.sources.get(source)
        return None if state is None else self._next_of_seed(source, state, now)

    def next_piece(self, source: Address, now: float) -> PieceRequest | None:
        """Return a request for the piece that `source` should give, outstanding from `now`; None if it has none."""
        state = self.state.sources.get(source)
        found = None if state is None else self._rarest(source, state, now) or self._endgame(source, state, now)
        if found is None:
            return None
        wanted, piece = found
        self._request(source, wanted, piece, now)
        if self.sites is not None:
            self.sites.requested(source, now)
        return PieceRequest(wanted.sha256, piece)

    def needs(self, source: Address, now: float) -> bool:
        """Return whether `next_piece` would find one."""
        state = self.state.sources.get(source)
        if state is None:
            return False
        if self._has_unrequested(source, state, now) or self._endgame(source, state, now):
            return True
        self._wait_for_others(state, now)
        return False

    def _has_unrequested(self, source: Address, state: SourceState, now: float) -> bool:
        files = (self.state.files.get(sha256) for sha256 in state.interesting)
        return self.state.unrequested > 0 and any(
            wanted is not None
            and self._pieces(source, state, wanted, wanted.unrequested)
            and state.may_send(wanted.sha256, now)
            for wanted in files
        )

    def _pieces(self, source: Address, state: SourceState, wanted: WantedFile, among: Bits) -> Bits:
        """Return those of the pieces `among` that `source` has and may be asked for."""
        found = state.pieces(wanted, among)
        return found & self.sites.may_ask(source, self.state, wanted) if found and self.sites is not None else found

    def _wait_for_others(self, state: SourceState, now: float) -> None:
        """Note that others are to fetch what this source has and this peer lacks."""
        if self.sites is None or not self.state.unrequested:
            return
        for sha256 in self._rotated(state.interesting)[:MAX_FILES_COMPARED]:
            wanted = self.state.files.get(sha256)
            if wanted is not None and state.pieces(wanted, wanted.unrequested):
                self.sites.wait(self.state, wanted, now)

    def _next_of_seed(self, source: Address, state: SourceState, now: float) -> NextRequest | None:
        wants: list[tuple[str, Ranges]] = []
        left = MAX_REQUEST_WANTS
        for sha256 in list(state.super_seeded):
            wanted = self.state.files.get(sha256)
            if wanted is None or not state.may_send(sha256, now):
                continue  # its piece hashes are not known yet, or it cannot be sent now
            share = self.state.share(source, wanted, self._pieces(source, state, wanted, wanted.unrequested))
            if wanted.count < MIN_FOLLOWED:
                share &= ~wanted.partial.known  # what others have, the source has given out
            if share:
                wants.append((sha256, to_ranges(share)[:MAX_RANGES]))
                left -= share.bit_count()
                if left <= 0:
                    break  # what is named is enough: not all of it can have been given to others meanwhile
            else:
                state.super_seeded.remove(sha256)
        return NextRequest(tuple(wants)) if wants else None

    def _rarest(self, source: Address, state: SourceState, now: float) -> tuple[WantedFile, int] | None:
        lowest, rarest = 0, list[tuple[WantedFile, Bits]]()
        super_seeded = set(state.super_seeded)
        compared = 0
        for sha256 in self._rotated(state.interesting):
            wanted = self.state.files.get(sha256)
            if wanted is None or sha256 in super_seeded or not state.may_send(sha256, now):
                continue
            pieces = self._pieces(source, state, wanted, wanted.unrequested)
            if not pieces:
                continue
            partial, pieces = wanted.partial.rarest(pieces)
            availability = wanted.complete + partial
            if availability < lowest or not rarest:
                lowest, rarest = availability, [(wanted, pieces)]
            elif availability == lowest:
                rarest.append((wanted, pieces))
            compared += 1
            if compared == MAX_FILES_COMPARED:
                break
        if not rarest:
            return None
        if self.all_small:  # the largest first: it leaves small ones for the end, which last not long
            largest = max(wanted.piece_bytes for wanted, _ in rarest)
            rarest = [one for one in rarest if one[0].piece_bytes == largest]
        wanted, pieces = self._random.choice(rarest)
        return wanted, self._one_of(pieces, wanted.count)

    def _one_of(self, pieces: Bits, count: int) -> int:
        """Return one of the pieces by chance: halve the set until one is left."""
        while pieces & (pieces - 1):
            pieces = pieces & self._random.getrandbits(count) or pieces
        return pieces.bit_length() - 1

    def _endgame(self, source: Address, state: SourceState, now: float) -> tuple[WantedFile, int] | None:
        if self.state.unrequested:
            return None
        delay = SMALL_ENDGAME_DELAY if self.all_small else ENDGAME_DELAY
        delay = delay if self.copies == ENDGAME_COPIES else -1.0
        for sha256 in self._rotated(state.interesting):
            wanted = self.state.files.get(sha256)
            if wanted is None or not state.may_send(sha256, now):
                continue
            for piece in members(self._pieces(source, state, wanted, wanted.missing)):
                since = wanted.outstanding.get(piece, {})
                if source not in since and len(since) < self.copies and all(now - at > delay for at in since.values()):
                    return wanted, piece
        return None

    def _rotated(self, names: list[str]) -> list[str]:
        """Return `names` from a random place on: two downloaders begin with different files."""
        start = self._random.randrange(len(names)) if names else 0
        return names[start:] + names[:start]

    def received(self, source: Address, size: int, seconds: float) -> None:
        """Note that an answer of `size` bytes came from `source`, which took `seconds` from its first byte on."""
        if self.sites is not None:
            self.sites.received(source, size, seconds)

    # what becomes of requests

    def _request(self, source: Address, wanted: WantedFile, piece: int, now: float) -> None:
        self.state.unrequested -= piece not in wanted.outstanding
        wanted.outstanding.setdefault(piece, {})[source] = now
        wanted.requested |= 1 << piece

    def release(self, source: Address, sha256: str, piece: int) -> None:
        """Let the piece, which `source` will not send, be requested of others."""
        wanted = self.state.files.get(sha256)
        sources = None if wanted is None else wanted.outstanding.get(piece)
        if wanted is not None and sources is not None:
            sources.pop(source, None)
            if not sources:
                del wanted.outstanding[piece]
                wanted.requested &= ~(1 << piece)
                self.state.put_back(wanted.missing >> piece & 1)

    def started(self, source: Address, sha256: str, piece: int, now: float) -> list[Address]:
        """Note that `source` has begun to send the piece; return the other sources at which it is outstanding."""
        wanted = self.state.files.get(sha256)
        if wanted is None or not wanted.missing >> piece & 1:
            return []
        self._request(source, wanted, piece, now)
        return [other for other in wanted.outstanding[piece] if other != source]

    def verified(self, sha256: str, piece: int) -> None:
        """Note that the piece is here and right."""
        wanted = self.state.files[sha256]
        if wanted.missing >> piece & 1:
            wanted.missing &= ~(1 << piece)
            wanted.requested &= ~(1 << piece)
            self.state.unrequested -= wanted.outstanding.pop(piece, None) is None

    def hash_failed(self, source: Address, sha256: str, piece: int) -> None:
        """Note that `source` sent something else as the piece: do not request it there again."""
        self.release(source, sha256, piece)
        if source in self.state.sources:
            hash_failed = self.state.sources[source].hash_failed
            hash_failed[sha256] = hash_failed.get(sha256, 0) | 1 << piece

    def refused(self, source: Address, request: Request) -> None:
        """Note that `source` does not have what was requested, or has given out all of it."""
        state = self.state.sources.get(source)
        if isinstance(request, PieceRequest):
            self.release(source, request.sha256, request.piece)
            if state is None:
                return
            if state.has.get(request.sha256, ()) is None:
                self.state.forget(source, request.sha256)  # it had all of the file, and has none of it any more
            else:
                state.refused[request.sha256] = state.refused.get(request.sha256, 0) | 1 << request.piece
        elif state is not None:
            requested = {sha256 for sha256, _ in request.wants}
            state.super_seeded = [sha256 for sha256 in state.super_seeded if sha256 not in requested]

    def remove_source(self, source: Address) -> None:
        """Ask `source` for nothing any more, and release what is outstanding there."""
        for wanted in self.state.files.values() if source in self.state.sources else ():
            for piece in [piece for piece, since in wanted.outstanding.items() if source in since]:
                self.release(source, wanted.sha256, piece)
        self.state.remove(source)
        if self.sites is not None:
            self.sites.remove(source)

    def done(self) -> bool:
        """Return whether nothing is missing."""
        return not any(wanted.missing for wanted in self.state.files.values())
