"""The turns that were given to downloaders and are not used yet. Pure: times are the caller's seconds."""

from __future__ import annotations

from dataclasses import dataclass

from .in_flight import Uploader

MIN_TIMEOUT, TURNAROUNDS = 0.1, 4
"""Seconds, and the multiple of the usual time, after which a turn that is not used keeps nobody waiting."""
MAX_TURNAROUND = 1.0
"""Seconds beyond which its average is not followed."""
SMOOTHING = 0.125
"""The weight of a new measurement in an average."""


@dataclass
class _Turn:
    """Pieces that a downloader may ask for since it was told so at `given` (seconds)."""

    pieces: int
    given: float
    lapsed: bool = False
    """Whether it has not done so in time."""


class GivenTurns:
    """Keeps the turns, and notes in `late` who lets one lapse, until it uses one in time."""

    def __init__(self, late: set[Uploader]) -> None:
        self.turnaround = 0.01
        """Seconds from a turn that is given until it is used, on average."""
        self._late = late
        self._turns: dict[Uploader, _Turn] = {}

    def __len__(self) -> int:
        """Return the number of downloaders that have one."""
        return len(self._turns)

    @property
    def promised(self) -> int:
        """The pieces that may be asked for, without those of turns that have lapsed."""
        return sum(turn.pieces for turn in self._turns.values() if not turn.lapsed)

    def are_for_none_but(self, who: Uploader) -> bool:
        """Return whether nobody else has one."""
        return self._turns.keys() <= {who}

    def give(self, who: Uploader, pieces: int, now: float) -> None:
        """Note that `who` may ask for so many pieces."""
        self._turns[who] = _Turn(pieces, now)

    def end(self, who: Uploader, used: bool, now: float) -> bool:
        """Note that `who` has sent its next request: for a piece, if its turn is used. Returns whether it had one."""
        turn = self._turns.pop(who, None)
        if turn is None:
            return False
        self.turnaround += (min(now - turn.given, MAX_TURNAROUND) - self.turnaround) * SMOOTHING
        if not turn.lapsed:
            self._late.discard(who)
        if used and turn.pieces > 1:
            self._turns[who] = _Turn(turn.pieces - 1, now)
        return True

    def remove(self, who: Uploader) -> None:
        """Forget `who`, whose connection is lost."""
        self._turns.pop(who, None)
        self._late.discard(who)

    def note_lapsed(self, now: float) -> None:
        """Note which turns have lapsed."""
        before = now - self._timeout
        for who, turn in self._turns.items():
            if not turn.lapsed and turn.given <= before:
                turn.lapsed = True
                self._late.add(who)

    def until_lapse(self, now: float) -> float:
        """Return the seconds until the next one lapses; those after which one given now would, if there is none."""
        given = min((turn.given for turn in self._turns.values() if not turn.lapsed), default=now)
        return given + self._timeout - now

    @property
    def _timeout(self) -> float:
        return max(MIN_TIMEOUT, TURNAROUNDS * self.turnaround)
