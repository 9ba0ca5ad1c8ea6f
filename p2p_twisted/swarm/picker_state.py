"""What a picker chooses among, and what it chooses: the files wanted, what each source has, and what to ask for."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..wire.address import Address
from ..wire.ranges import Ranges


@dataclass(frozen=True)
class PieceRequest:
    """Ask for this piece."""

    sha256: str
    piece: int


@dataclass(frozen=True)
class NextRequest:
    """Ask for any of these that was given to nobody yet."""

    wants: tuple[tuple[str, Ranges], ...]


Request = PieceRequest | NextRequest


@dataclass
class WantedFile:
    """A file of the download: its missing pieces, and since when (seconds) which are outstanding at which source."""

    sha256: str
    count: int
    missing: set[int]
    outstanding: dict[int, dict[Address, float]] = field(default_factory=dict)
    holders: dict[int, int] = field(default_factory=dict)
    complete: int = 0
    """Sources that have all of it."""

    def availability(self, piece: int) -> int:
        """How many sources are known to have `piece`."""
        return self.complete + self.holders.get(piece, 0)

    def unrequested(self) -> set[int]:
        """What is missing and requested of no source."""
        return self.missing - self.outstanding.keys()


@dataclass
class SourceState:
    """What one source has: `has` the pieces of each file, None if all of them; `fresh` the files of which it may be
    asked for the next piece; `useful` all of its files that are wanted; `hash_failed` the pieces that it sent wrong;
    `refused` the pieces that it said it has not, until it announces the file again; `postponed` the files that it
    cannot send at the moment, and when (seconds) it may be asked for them again."""

    has: dict[str, set[int] | None] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)
    useful: list[str] = field(default_factory=list)
    hash_failed: set[tuple[str, int]] = field(default_factory=set)
    refused: dict[str, set[int]] = field(default_factory=dict)
    postponed: dict[str, float] = field(default_factory=dict)

    def pieces(self, wanted: WantedFile, of: set[int]) -> set[int]:
        """Those `of` the pieces that this source has, and that neither were refused nor had a wrong hash."""
        has = self.has.get(wanted.sha256, set())
        found = of if has is None else of & has
        if refused := self.refused.get(wanted.sha256):
            found = found - refused
        return {p for p in found if (wanted.sha256, p) not in self.hash_failed} if self.hash_failed else found

    def may_send(self, sha256: str, now: float) -> bool:
        """Whether it may be asked for the file at `now`; one that was postponed long enough is so no longer."""
        if self.postponed.get(sha256, 0.0) > now:
            return False
        self.postponed.pop(sha256, None)
        return True
