"""The piece hashes of a swarm's files: asked of ever more sources until one gives those that the index names.

A full source lets others wait while one fetches the list, so that it need not send it to each. So the downloaders that
tell of the file are asked beside it: they have the list already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from twisted.internet.interfaces import IReactorTime

from ..library.pieces import DIGEST
from ..net.errors import FetchError, Refused
from ..wire.address import Address
from ..wire.messages import GetPieces
from .errors import Corrupt
from .picker_state import PickerState
from .source import Source
from .storage import Storage

MAX_DOWNLOADERS = 2
"""Downloaders that are asked at once, beside full sources."""
LINE = 2 * DIGEST + 2
"""Bytes of a line of a piece list at most."""
GROWTH = 4
"""Factor by which the number of sources that are asked at once grows, each second without an answer."""


@dataclass
class _Need:
    """A file whose piece hashes are needed."""

    storage: Storage
    asked: set[Address] = field(default_factory=set)
    """The sources that are not to be asked again."""
    outstanding: dict[Address, bool] = field(default_factory=dict)
    """The sources that have not answered, and whether each is a seed."""
    at_once: int = 1
    """Sources that may be asked at once."""
    not_before: float = 0.0
    """When (seconds) a source may be asked again."""

    def may_ask(self, address: Address, is_seed: bool, now: float) -> bool:
        """Return whether the source at `address` may be asked at `now`."""
        room = self.at_once if is_seed else max(self.at_once, MAX_DOWNLOADERS)
        alike = sum(seed is is_seed for seed in self.outstanding.values())
        return address not in self.asked and alike < room and now >= self.not_before


class PieceHashes:
    """Fetches the piece hashes of the files that need them. `state` says which source has which file."""

    def __init__(self, clock: IReactorTime, state: PickerState) -> None:
        self.needed: dict[str, _Need] = {}
        """By the hash of the file."""
        self._clock = clock
        self._state = state

    def need(self, storage: Storage) -> None:
        """Have the piece hashes of the file fetched."""
        self.needed[storage.sha256] = _Need(storage)

    def to_ask_of(self, source: Source) -> Iterator[Storage]:
        """Yield the files whose piece hashes `source` should be asked for now."""
        is_seed, now = self._state.is_seed(source.address), self._clock.seconds()
        for sha256, need in list(self.needed.items()):
            may_ask = need.may_ask(source.address, is_seed, now) and self._state.has(source.address, sha256)
            if may_ask and source.connection is not None:
                yield need.storage

    async def fetch(self, source: Source, storage: Storage) -> bool:
        """Ask `source` for the piece hashes of the file.

        Returns whether they were still needed; the file has them then. Raises Corrupt if they are not those that the
        index names, and the FetchError with which the source failed while they were needed.
        """
        assert source.connection is not None
        need = self.needed[storage.sha256]
        need.asked.add(source.address)
        need.outstanding[source.address] = self._state.is_seed(source.address)
        try:
            _, body = await source.connection.collect(GetPieces(storage.sha256), LINE * storage.count)
        except Refused as e:
            if storage.sha256 not in self.needed:
                return False
            if e.retry_after is not None:
                need.asked.discard(source.address)
                need.not_before = self._clock.seconds() + e.retry_after
            raise
        except FetchError:
            need.asked.discard(source.address)  # once it is connected again, it may be asked again
            raise
        finally:
            need.outstanding.pop(source.address, None)
        if not storage.accept_list(parse_piece_list(body)):
            raise Corrupt("its piece list is not the one in the index")
        return self.needed.pop(storage.sha256, None) is not None

    def widen(self, growth: int = GROWTH) -> None:
        """Ask more sources at once for what no source answers: the unresponsive must not hide the others.

        To be called each second, and with a larger `growth` while the swarm starves.
        """
        for need in self.needed.values():
            if len(need.outstanding) >= need.at_once:
                need.at_once *= growth


def parse_piece_list(body: bytes) -> bytes:
    """Return the hashes in an answer to GET PIECES, one after the other; b"" if it is no such answer."""
    try:
        return bytes.fromhex(body.decode("ascii").replace("\n", ""))
    except ValueError:
        return b""
