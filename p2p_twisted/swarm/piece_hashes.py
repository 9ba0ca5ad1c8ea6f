"""The piece lists of a download: asked of ever more sources until one gives the list that the index names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ..net.errors import FetchError, Refused
from ..wire.address import Address
from ..wire.limits import MAX_PIECE_LIST
from ..wire.messages import GetPieces
from .errors import Corrupt
from .picker import Picker
from .source import Source
from .source_pool import SourcePool
from .storage import Storage

GROWTH = 4
"""By so much grows, each second without an answer, the number of sources that are asked at once."""


@dataclass
class _Need:
    """A piece list that is needed: who was asked for it, who has not answered, and how many may be asked at once."""

    asked_of: set[Address] = field(default_factory=set)
    outstanding: set[Address] = field(default_factory=set)
    at_once: int = 1
    not_before: float = 0.0
    """When (seconds) somebody may be asked again."""

    def may_ask(self, address: Address, now: float) -> bool:
        """Whether the source at `address` may be asked at `now`."""
        return address not in self.asked_of and len(self.outstanding) < self.at_once and now >= self.not_before


class PieceHashes:
    """Gets the lists that are needed. `came` is told of each file whose list is known now, `refused` of each source
    that has not got one."""

    def __init__(
        self,
        clock: IReactorTime,
        files: Mapping[str, Storage],
        picker: Picker,
        sources: SourcePool,
        came: Callable[[Storage], object],
        refused: Callable[[Source, str, Refused], object],
        broken: Callable[[Failure], object],
    ) -> None:
        self._clock = clock
        self._files = files
        self._picker = picker
        self._sources = sources
        self._came = came
        self._refused = refused
        self._broken = broken
        self._needed: dict[str, _Need] = {}

    def need(self, sha256: str) -> None:
        """Get the list of the file with that hash."""
        self._needed[sha256] = _Need()

    def ask(self, source: Source) -> None:
        """Ask `source` for what it should have, unless as many as may be are being asked."""
        for sha256, need in self._needed.items():
            may = need.may_ask(source.address, self._clock.seconds()) and self._picker.state.has(source.address, sha256)
            if may and source.connection is not None:
                need.asked_of.add(source.address)
                need.outstanding.add(source.address)
                asked = source.connection.collect(GetPieces(sha256), MAX_PIECE_LIST)
                asked.addCallbacks(self._received, self._failed, (source, sha256), {}, (source, sha256))
                asked.addErrback(self._broken)

    def ask_more(self) -> None:
        """Each second: while nobody answers, ask ever more at once, so that the unresponsive do not hide others."""
        for need in self._needed.values():
            if len(need.outstanding) >= need.at_once:
                need.at_once *= GROWTH

    def _received(self, answer: tuple[Any, bytes], source: Source, sha256: str) -> None:
        try:
            digests = bytes.fromhex(answer[1].decode("ascii").replace("\n", ""))
        except ValueError:
            digests = b""
        if not self._files[sha256].accept_list(digests):
            self._answered(source, sha256)
            self._sources.ban(source, Corrupt("its piece list is not the one in the index"))
        elif self._needed.pop(sha256, None) is not None:
            self._came(self._files[sha256])

    def _failed(self, failure: Failure, source: Source, sha256: str) -> None:
        need, refused = self._answered(source, sha256), failure.value
        if isinstance(refused, Refused):
            if refused.retry_after is not None and need is not None:
                need.asked_of.discard(source.address)
                need.not_before = self._clock.seconds() + refused.retry_after
            self._refused(source, sha256, refused)
        else:
            failure.trap(FetchError)
            if need is not None:
                need.asked_of.discard(source.address)  # once it is connected again, it may be asked again
            self._sources.failed(source, failure.value)  # type: ignore[arg-type]

    def _answered(self, source: Source, sha256: str) -> _Need | None:
        """Note that `source` has answered; return what is needed of the list, None if it is here by now."""
        need = self._needed.get(sha256)
        if need is not None:
            need.outstanding.discard(source.address)
        return need
