"""One whole document on its way: who is asked for it, in which order, and when it begins to come."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from ...swarm.target import Target
from ...wire.address import Address
from ...wire.records import IndexRecord
from .model import DownloadFile

AHEAD = 64 * 1024
"""Bytes that are asked of a holder before what is asked for next."""


class Turn:
    """The fetch of `item` to `target` from one of its holders, the first of them first.

    `failed` counts the failures of each lately: who has failed is asked after those who have not.
    """

    def __init__(
        self, item: DownloadFile, target: Target, holders: Sequence[IndexRecord], failed: Mapping[Address, int]
    ) -> None:
        self.item = item
        self.target = target
        self._holders = holders
        self._failed = failed
        self.coming: Deferred[None] = Deferred()
        """Fires when its first bytes are there, or it is over."""
        self.ended: Deferred[None] = Deferred()

    def begin(self, fetch: Coroutine[Deferred[Any], Any, None]) -> None:
        """Carry it out."""
        self.ended = Deferred.fromCoroutine(fetch)

    def come(self) -> None:
        """It begins to come, or never will."""
        if not self.coming.called:
            self.item.begin()
            self.coming.callback(None)

    @property
    def holders(self) -> Sequence[IndexRecord]:
        """Its holders, in the order in which they are to be asked."""
        return sorted(self._holders, key=lambda holder: self._failed.get((holder.host, holder.port), 0))

    @property
    def size(self) -> int:
        """Bytes; of what nobody said the size of, more than is asked for ahead."""
        size = self.item.size
        return AHEAD if size is None else size

    @property
    def address(self) -> Address | None:
        """Where it is to come from."""
        first = next(iter(self.holders), None)
        return None if first is None else (first.host, first.port)
