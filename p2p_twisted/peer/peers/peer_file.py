"""The file in which a peer keeps the addresses of others, so that it finds them again when no RS answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from twisted.logger import Logger

from ...config.folders import read_private, replace_private
from ...wire import fields
from ...wire.address import Address
from ...wire.errors import BadRequest

MAX_REMEMBERED = 500
"""Most peers in the file: those that answered last."""
MAX_AGE = 30 * 86400
"""Seconds after which a peer that has not answered is forgotten."""
MAX_SIZE = 256 * 1024
"""Characters of the file that are read."""
LAST_TIME = 2**40
"""The latest time, in Unix seconds, that is read."""


def remembered(before: Mapping[Address, int], answered: Mapping[Address, int], now: int) -> dict[Address, int]:
    """Return the peers to remember, the last to answer first, each with its time. Times are Unix seconds; pure."""
    times = {address: min(seen, now) for address, seen in {**before, **answered}.items() if now - seen < MAX_AGE}
    newest = sorted(times.items(), key=lambda item: item[1], reverse=True)
    return dict(newest[:MAX_REMEMBERED])


class PeerFile:
    """The file ``peers`` of a state folder: a line for each peer, with host, port, and when it last answered."""

    log = Logger()

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "peers"

    def load(self) -> dict[Address, int]:
        """Return the peers with their times, without lines that cannot be read; none if there is no file."""
        return dict(_read(read_private(self._path, MAX_SIZE)))

    def save(self, peers: Mapping[Address, int]) -> None:
        """Replace the file; log it when that cannot be done."""
        try:
            replace_private(self._path, "".join(f"{host} {port} {seen}\n" for (host, port), seen in peers.items()))
        except OSError as e:
            self.log.warn("the other peers cannot be saved in {file}: {why}", file=str(self._path), why=e.strerror)


def _read(text: str) -> Iterator[tuple[Address, int]]:
    for line in text.split("\n"):
        address, _, seen = line.rpartition(" ")
        try:
            yield fields.address(address), fields.number(seen, "time", 0, LAST_TIME)
        except BadRequest:
            continue
