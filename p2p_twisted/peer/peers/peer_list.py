"""The list of peers that an RS gives, taken line by line as it comes."""

from __future__ import annotations

from twisted.logger import Logger

from ...net.lines import Lines, Slicer
from ...wire import fields
from ...wire.address import Address
from ...wire.errors import BadRequest
from ...wire.limits import MAX_PEER_LIST

MAX_LISTED = 20_000
"""Most lines of a peer list that are read."""


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
