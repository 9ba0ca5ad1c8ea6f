"""Whether the files of a swarm can still be had, and why each source that fails has failed. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from twisted.internet.interfaces import IReactorTime

from ..net.errors import FetchError, Refused
from ..wire.address import Address
from .errors import AllCorrupt, Corrupt, DownloadError, NoHolder, PeersFailed
from .picker import SMALL_ENDGAME_DELAY, Picker
from .picker_state import PieceRequest, Request
from .source import Source
from .source_pool import SourcePool

MAX_POSTPONE = 90
"""Seconds for which a source may put off a request, at most."""
MAX_REASONS = 5
"""Sources whose reason an error names."""


class Prospects:
    """Keeps the reasons of the sources, and makes `picker` request nothing from them that they have refused."""

    def __init__(self, clock: IReactorTime, picker: Picker, sources: SourcePool) -> None:
        self._clock = clock
        self._picker = picker
        self._sources = sources
        self._reasons: dict[str, dict[Address, FetchError]] = {}
        """The last reason of each source of each file, by the hash of the file."""

    def due(self) -> list[Source]:
        """Return the sources that may be asked for something after a while in which nothing has come of them.

        That is not one that is to say when this peer has its turn, or has news, unless others may be asked for a piece
        too in the endgame, a piece was put back meanwhile, or sources at other sites are to wait.
        """
        state, connected = self._picker.state, self._sources.connected
        has_put_back, state.has_put_back = state.has_put_back, False
        if has_put_back or not state.unrequested or self._picker.sites is not None:
            return connected
        postponed = {address for address, one in state.sources.items() if one.postponed}
        return [source for source in connected if not source.waits or source.address in postponed]

    def refused(self, source: Source, request: Request, why: Refused) -> None:
        """Note that `source` does not have what was requested: now, or (with Retry-After) at the moment."""
        if why.retry_after is None:
            self._picker.refused(source.address, request)
            for sha256, _ in () if isinstance(request, PieceRequest) or not self._picker.all_small else request.wants:
                # it was given to others, which are about to tell of it: do not have it sent twice
                self._picker.state.postpone(source.address, sha256, self._clock.seconds() + SMALL_ENDGAME_DELAY)
        elif isinstance(request, PieceRequest):
            self._picker.release(source.address, request.sha256, request.piece)
            self._postpone(source, [request.sha256], why.retry_after)
        else:
            self._postpone(source, [sha256 for sha256, _ in request.wants], why.retry_after)
        if isinstance(request, PieceRequest) and not self._picker.state.has(source.address, request.sha256):
            self._add(request.sha256, source.address, why)

    def refused_file(self, source: Source, sha256: str, why: Refused) -> None:
        """Note that `source` has nothing of the file: now, or at the moment."""
        if why.retry_after is None:
            self._picker.state.forget(source.address, sha256)
            self._add(sha256, source.address, why)
        else:
            self._postpone(source, [sha256], why.retry_after)

    def removed(self, address: Address, sha256: str) -> None:
        """Note that the peer at `address` has announced that it no longer has the file."""
        if self._picker.state.has(address, sha256):
            self._picker.state.forget(address, sha256)
            self._add(sha256, address, Refused(Refused.NOT_FOUND, "it no longer has the document"))

    def corrupted(self, source: Source, sha256: str, why: Corrupt) -> None:
        """Note that `source` has sent wrong pieces of the file."""
        self._add(sha256, source.address, why)

    def lost(self, source: Source, files: Iterable[str]) -> None:
        """Note that the swarm does not wait for `source`, of `files`, any more: it is banned or cannot be reached."""
        for sha256 in files:
            if source.why is not None and self._picker.state.has(source.address, sha256):
                self._add(sha256, source.address, source.why)
        if source.banned is not None:
            self._picker.remove_source(source.address)

    def error_of(self, sha256: str) -> DownloadError | None:
        """Return why the file cannot be had, None if it may be.

        NoHolder if all sources have said that they do not have it, AllCorrupt if all have sent wrong pieces, else
        PeersFailed. Sources that cannot be reached are not waited for.
        """
        if any(map(self._sources.is_hopeful, self._picker.state.sources_of(sha256))):
            return None
        reasons = self._reasons.get(sha256, {})
        texts = [f"{host}:{port}: {why}" for (host, port), why in islice(reasons.items(), MAX_REASONS)]
        text = "; ".join(texts + [f"and {len(reasons) - MAX_REASONS} more"] * (len(reasons) > MAX_REASONS))
        if all(isinstance(why, Refused) for why in reasons.values()):
            return NoHolder("no peer has it" + (f" any more; {text}" if text else ""))
        return (AllCorrupt if all(isinstance(why, Corrupt) for why in reasons.values()) else PeersFailed)(text)

    def _postpone(self, source: Source, files: Iterable[str], seconds: int) -> None:
        source.unresponsive = True  # it is there, and may have it later
        until = self._clock.seconds() + min(max(seconds, 1), MAX_POSTPONE)
        for sha256 in files:
            self._picker.state.postpone(source.address, sha256, until)

    def _add(self, sha256: str, address: Address, why: FetchError) -> None:
        self._reasons.setdefault(sha256, {})[address] = why
