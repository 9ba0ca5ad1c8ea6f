"""The piece that a full source gives to a downloader that asks for the next one: each piece once, until all are out.

The source, not the downloader, knows what it has sent. While a piece is with nobody else, sending another one twice
wastes the uplink that everybody waits for (Li, Chou, Zhang: Mutualcast, 2004). So a downloader has to pass on what it
was given: the pieces that others no longer ask for are with them. One whose pieces stay with it, because its uplink is
slow or because it sends garbage, gets new ones after the others. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from ..wire.ranges import Bits, Ranges, bits, first_bits, from_ranges, members

MAX_RANGES = 100
"""Ranges in one want: of what lies beyond so many, it does not tell."""
MAX_UNSPREAD = 8
"""Pieces that a downloader may have been given before others show that they have got some of them."""
MIN_FOLLOWED = 16
"""Pieces of the smallest file of which it is followed whether they spread: requests tell too little of others."""


@dataclass
class _File:
    """What was given out of a file of `count` pieces."""

    count: int
    given: Bits = 0
    unspread: Bits = 0
    """The pieces that nobody has but the one to whom they were given, as far as others have shown."""
    owners: dict[int, Hashable] = field(default_factory=dict)
    """The downloader to which each piece was given, if there was another one by then."""
    shown: dict[Hashable, Bits] = field(default_factory=dict)
    """The downloaders, and the pieces of which each was the first to show that it had got them from another."""


class SuperSeeding:
    """The pieces that this peer has given out of the files that it has complete.

    A downloader is anything that identifies its connection. What was given out of a file is forgotten when the last
    downloader that asked for it is gone: a later swarm starts from nothing.
    """

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self.unspread: dict[Hashable, int] = {}
        """How many of the pieces that a downloader was given are with it alone, if any."""
        self._spread: Counter[Hashable] = Counter()
        """How many are with others, too."""

    # what downloaders get

    def next(self, downloader: Hashable, wants: Iterable[tuple[str, Ranges, int]]) -> tuple[str, int] | None:
        """Return the first piece among `wants` that was given to nobody, as (sha256, piece); it counts as given now.

        Each want is (sha256, pieces, number of pieces of the file). Returns None if all of them are out.
        """
        for sha256, ranges, count in wants:
            file = self._files.setdefault(sha256, _File(count))
            file.shown.setdefault(downloader, 0)
            piece = _first_not_in(file.given, ranges, file.count)
            if piece is not None:
                self._give(downloader, file, piece)
                return sha256, piece
        return None

    def has_any(self, wants: Iterable[tuple[str, Ranges]]) -> bool:
        """Return whether there may be a piece among `wants` that was given to nobody."""
        files = ((self._files.get(sha256), ranges) for sha256, ranges in wants)
        return any(file is None or _first_not_in(file.given, ranges, file.count) is not None for file, ranges in files)

    def _give(self, downloader: Hashable, file: _File, piece: int) -> None:
        file.given |= 1 << piece
        if file.given == first_bits(file.count):  # nobody asks for the next one any more: nothing is heard
            self._forget(file, file.unspread)
        elif len(file.shown) > 1 and file.count >= MIN_FOLLOWED:
            file.owners[piece] = downloader
            file.unspread |= 1 << piece
            self._add_unspread(downloader, 1)

    def take_back(self, sha256: str, piece: int) -> None:
        """Let the piece, which did not reach its downloader, be given again."""
        file = self._files.get(sha256)
        if file is not None:
            file.given &= ~(1 << piece)
            self._forget(file, file.unspread & 1 << piece)

    def _forget(self, file: _File, pieces: Bits) -> None:
        """Follow no longer the `pieces`, which have not spread."""
        file.unspread &= ~pieces
        for piece in members(pieces):
            self._add_unspread(file.owners.pop(piece), -1)

    def _add_unspread(self, downloader: Hashable, number: int) -> None:
        self.unspread[downloader] = self.unspread.get(downloader, 0) + number
        if not self.unspread[downloader]:
            del self.unspread[downloader]

    # what they pass on

    def hear(self, downloader: Hashable, wants: Iterable[tuple[str, Ranges]]) -> None:
        """Note which pieces that others were given `downloader` has got, and which it has not got after all.

        What it is about to get from another peer is not among its wants; a piece that turns out to be wrong is, again.
        """
        for sha256, ranges in wants:
            file = self._files.get(sha256)
            if file is None or downloader not in file.shown:
                continue
            wanted = from_ranges(ranges, file.count)
            told = first_bits(ranges[-1][1] + 1) if len(ranges) >= MAX_RANGES else first_bits(file.count)
            for piece in members(file.shown[downloader] & wanted & ~file.unspread):
                self._note(file, piece, is_spread=False)
            file.shown[downloader] &= ~wanted
            for piece in members(file.unspread & told & ~wanted):
                if file.owners[piece] != downloader:
                    file.shown[downloader] |= 1 << piece
                    self._note(file, piece, is_spread=True)

    def _note(self, file: _File, piece: int, is_spread: bool) -> None:
        owner = file.owners.get(piece)
        if owner in file.shown:
            file.unspread ^= 1 << piece
            self._add_unspread(owner, -1 if is_spread else 1)
            self._spread[owner] += 1 if is_spread else -1
        elif owner is not None:
            file.given &= ~(1 << piece)  # the one who had it is gone

    def is_suspect(self, downloader: Hashable) -> bool:
        """Return whether `downloader` seems to pass on nothing."""
        return self.unspread.get(downloader, 0) > MAX_UNSPREAD + self._spread[downloader]

    def remove(self, downloader: Hashable) -> None:
        """Forget a downloader that sends no more requests; what is with it alone can be given again."""
        for sha256, file in [item for item in self._files.items() if downloader in item[1].shown]:
            del file.shown[downloader]
            if not file.shown:
                del self._files[sha256]
            alone = bits(piece for piece in members(file.unspread) if file.owners[piece] == downloader)
            file.given &= ~alone
            self._forget(file, file.unspread if len(file.shown) == 1 else alone)  # the last one cannot pass on any
        self.unspread.pop(downloader, None)
        self._spread.pop(downloader, None)


def _first_not_in(given: Bits, ranges: Ranges, count: int) -> int | None:
    for first, last in ranges:
        if first < count:
            free = ~given & first_bits(min(last + 1, count) - first) << first
            if free:
                return (free & -free).bit_length() - 1
    return None
