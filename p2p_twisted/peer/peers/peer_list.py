"""The list of peers that an RS gives, taken line by line as it comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from twisted.logger import Logger

from ...net.lines import Lines, Slicer
from ...wire import fields
from ...wire.address import Address
from ...wire.errors import BadRequest
from ...wire.limits import MAX_PEER_LIST
from ...wire.messages import PQuery

MAX_LISTED = 20_000
"""Most lines of a peer list that are read."""
PART = 1000
"""Lines of the list that are asked for at a time, where all of it is wanted."""
MAX_PARTS = 2 * MAX_LISTED // PART
"""An RS may give fewer lines than it is asked for."""


class PeerList(Lines):
    """Takes an answer to PQuery; of a longer one, the beginning."""

    log = Logger()

    def __init__(self, slicer: Slicer) -> None:
        super().__init__(slicer, self._take_line, MAX_PEER_LIST, MAX_LISTED)
        self._found: list[Address] = []
        self._bad = 0

    def peers(self) -> list[Address]:
        """Return the peers in the answer, which has been read."""
        self.end()
        if self._bad:
            self.log.info("the RS sent {bad} lines that are not peers", bad=self._bad)
        return self._found

    def _take_line(self, line: str) -> None:
        if line:
            try:
                self._found.append(fields.address(line))
            except BadRequest:
                self._bad += 1


Query = Callable[[Callable[[int, int], PQuery]], Awaitable[tuple[list[Address], bool]]]
"""Asks an RS with the PQuery made of cookie and port; returns the peers that it lists, and whether there are more."""


async def read_parts(query: Query) -> list[Address]:
    """Return the whole peer list, at most MAX_LISTED, part by part. Raises what `query` raises."""
    listed, more = await query(lambda cookie, port: PQuery(cookie, port, PART))
    for _ in range(MAX_PARTS):
        if not more or not listed or len(listed) >= MAX_LISTED:
            break
        part, more = await query(partial(_part_after, listed[-1]))
        listed += part
    return listed


def _part_after(after: Address, cookie: int, port: int) -> PQuery:
    return PQuery(cookie, port, PART, after)
