"""The pieces that are being sent, to whom, and how much more the uplink bears beside them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .uplink import Uplink

MIN_UNSENT = 32 * 1024
UNSENT_TIME = 0.05
"""Bytes that the uplink still has to send when the next piece begins: at least, and in seconds of its rate."""
MAX_HELD_UP = 0.25
"""Seconds, and as often the time for three pieces, for which a slow reader holds up the next piece."""


class Uploader(Hashable, Protocol):
    """A connection over which pieces are sent."""

    def unsent(self) -> int:
        """Return the bytes of its answers that the other end has not acknowledged yet."""


@dataclass
class _Sending:
    """Pieces to one downloader, the first begun at a time (seconds); they hold up no other after `until`."""

    begun: float
    until: float
    pieces: int = 0
    unsent: int = 0
    """Bytes, when that was last looked at."""


class InFlight:
    """The downloaders that pieces are being sent to. Times are the caller's seconds, sizes bytes."""

    def __init__(self) -> None:
        self.uplink = Uplink()
        self._sending: dict[Uploader, _Sending] = {}

    def __len__(self) -> int:
        return len(self._sending)

    def __iter__(self) -> Iterator[Uploader]:
        """Iterate over those to whom pieces are being sent."""
        return iter(self._sending)

    def is_for_none_but(self, who: Uploader) -> bool:
        """Return whether nobody else is being sent anything."""
        return self._sending.keys() <= {who}

    def max_unsent(self, piece: float) -> float:
        """Return the unsent bytes at which the next one begins of pieces that have typically the size `piece`."""
        waits = max(0.0, self.uplink.delay * self.uplink.rate - piece)
        return MIN_UNSENT + UNSENT_TIME * self.uplink.rate + waits

    def begin(self, who: Uploader, piece: float, send: Callable[[], None], now: float) -> None:
        """Let `send` send `who` a piece, which typically has the size `piece`."""
        sending = self._sending.setdefault(who, _Sending(now, now))
        sending.until = now + MAX_HELD_UP + self.uplink.delay + 3 * piece / self.uplink.rate
        sending.pieces += 1
        send()
        size = max(who.unsent() - sending.unsent, 0)
        sending.unsent += size
        self.uplink.add(size, now)

    def look(self, now: float) -> None:
        """Note what has been acknowledged, and forget those that hold up others for too long."""
        for who, sending in list(self._sending.items()):
            sending.unsent = who.unsent()
            if not sending.unsent and sending.pieces == 1:
                self.uplink.piece_sent(now - sending.begun, now)
            if not sending.unsent or now >= sending.until:
                self.remove(who)
        self.uplink.look(sum(sending.unsent for sending in self._sending.values()), now)

    def remove(self, who: Uploader) -> None:
        """Forget `who`."""
        sending = self._sending.pop(who, None)
        if sending is not None:
            self.uplink.forget(sending.unsent)
