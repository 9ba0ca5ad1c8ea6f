"""The sites of an experiment: how many peers are at each, and the links between them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

MAX_SITES = 10


@dataclass(frozen=True)
class SiteLayout:
    """Sites in a chain: each is joined to the next by a link; peers are numbered site by site."""

    peers: tuple[int, ...]
    """The number of peers of each site; the first has the source."""
    between: float
    """Bytes/s of each link, in each direction."""

    @property
    def count(self) -> int:
        """The number of all peers."""
        return sum(self.peers)

    def site_of(self, role: str) -> int:
        """Return the number of the site of a peer, from 1; what is no peer is at site 1."""
        number = int(role.removeprefix("peer")) if role.startswith("peer") else 1
        return next((site for site, last in enumerate(accumulate(self.peers), 1) if number <= last), 1)

    def bound(self, size: int) -> float:
        """Return the least seconds in which `size` bytes, which all want, cross every link."""
        return size / self.between if len(self.peers) > 1 else 0.0

    def __str__(self) -> str:
        return "+".join(map(str, self.peers))


def parse_sites(text: str) -> tuple[int, ...]:
    """Return the numbers of peers in ``4+4`` or ``3+3+3``. Raises ValueError."""
    parts = text.split("+")
    if not all(part.isascii() and part.isdigit() and len(part) < 4 and int(part) for part in parts):
        raise ValueError(f"{text!r} is not a list such as 4+4, of the numbers of peers at each site")
    if not 2 <= len(parts) <= MAX_SITES:
        raise ValueError(f"an experiment has from 2 to {MAX_SITES} sites")
    return tuple(map(int, parts))
