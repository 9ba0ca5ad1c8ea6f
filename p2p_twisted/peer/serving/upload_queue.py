"""Who may ask this peer for pieces, and when an answer with a piece begins: one after the other, not all at once.

An uplink that is shared by all who ask brings each piece to everybody late: one that only this peer has would reach the
first of N downloaders after N times as long as it takes alone, and only then be passed on. So a downloader asks when it
has its turn (GET TURN), chooses the piece at the last moment, and the next piece begins when the one before has nearly
left. What has left is judged by what the other end has acknowledged: the kernel takes a whole piece at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from math import ceil, floor

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...library.pieces import MIN_PIECE
from .in_flight import InFlight, Uploader
from .precedence import Precedence

MIN_AHEAD, MAX_AHEAD = 2, 64
"""Turns given and not used, and pieces being sent, at least and at most."""
MAX_TURNS = 8
"""Most pieces for which one answer gives turns."""
MAX_WAIT = 10
"""Seconds after which a downloader whose turn has not come is told so, that it need not doubt this peer."""
MIN_TURN_TIMEOUT, TURNAROUNDS = 0.1, 4
"""Seconds, and the multiple of the usual time, after which a turn that is not used keeps nobody waiting."""
MIN_POLL, MAX_POLL = 0.02, 0.1
"""Seconds between two looks at what has left."""
MAX_TURNAROUND = 1.0
"""Seconds beyond which its average is not followed."""
SMOOTHING = 0.125
"""The weight of a new measurement in an average."""


@dataclass
class _Waiting:
    """A downloader that waits for its turn since a time (seconds): until there is news, unless `ready`."""

    ready: bool
    turn: Deferred[int]
    since: float


@dataclass
class _Turn:
    """Pieces that a downloader may ask for since it was told so at `given` (seconds)."""

    pieces: int
    given: float
    lapsed: bool = False
    """Whether it has not done so in time."""


class UploadQueue:
    """The downloaders that wait for a turn, and the pieces that wait to be sent, first come first served."""

    def __init__(self, clock: IReactorTime) -> None:
        self.precedence = Precedence()
        self._clock = clock
        self._waiting: dict[Uploader, _Waiting] = {}
        self._turns: dict[Uploader, _Turn] = {}
        """Turns that were given and not used."""
        self._to_send: deque[tuple[Uploader, Deferred[None]]] = deque()
        self._in_flight = InFlight()
        self._piece = float(MIN_PIECE)
        self._turnaround = 0.01
        """Seconds from a turn that is given until it is used, on average."""
        self._poll: IDelayedCall | None = None
        self._timeout: IDelayedCall | None = None
        self._goes_on = self._changed = False

    @property
    def length(self) -> int:
        """The number of downloaders that wait for a turn, and of pieces that wait to be sent."""
        return len(self._waiting) + len(self._to_send)

    # turns

    def wait(self, who: Uploader, ready: bool) -> Deferred[int]:
        """Return what fires with the number of pieces that `who` may ask for: 0 if its turn does not come soon.

        Unless `ready`, its turn comes only after `hear_news`.
        """
        turn: Deferred[int] = Deferred()
        self._waiting[who] = _Waiting(ready, turn, self._clock.seconds())
        if self._timeout is None:
            self._timeout = self._clock.callLater(MAX_WAIT, self._time_out)
        if self._end_turn(who, used=False) or ready:
            self._go_on()
        return turn

    def hear_news(self) -> None:
        """Give a turn to those that wait for news, too."""
        for waiting in self._waiting.values():
            waiting.ready = True
        self._go_on()

    def interrupt(self, who: Uploader) -> None:
        """Let `who` wait no longer: it has sent another request."""
        if who in self._waiting:
            self._answer(who, 0)

    def remove(self, who: Uploader) -> None:
        """Forget `who`, whose connection is lost."""
        self._waiting.pop(who, None)
        self._turns.pop(who, None)
        self.precedence.late.discard(who)
        self._in_flight.remove(who)
        self._to_send = deque(one for one in self._to_send if one[0] is not who)
        self._go_on()
        if not self._waiting and not self._to_send:
            self._stop_timers()

    def _stop_timers(self) -> None:
        for timer in (self._poll, self._timeout):
            if timer is not None and timer.active():
                timer.cancel()
        self._poll = self._timeout = None

    def _answer(self, who: Uploader, turns: int) -> None:
        waiting = self._waiting.pop(who)
        if turns:
            self._turns[who] = _Turn(turns, self._clock.seconds())
        waiting.turn.callback(turns)

    def _time_out(self) -> None:
        """Answer those that have waited for MAX_WAIT, and come again for the next one."""
        now = self._clock.seconds()
        for who, waiting in list(self._waiting.items()):
            if now - waiting.since >= MAX_WAIT and self._waiting.get(who) is waiting:
                self._answer(who, 0)
        self._timeout = None
        for waiting in self._waiting.values():  # the first has waited longest
            self._timeout = self._clock.callLater(max(waiting.since + MAX_WAIT - now, MIN_POLL), self._time_out)
            break

    def _give_turns(self) -> None:
        free = max(floor(self._turns_due), self._is_for_one) if self._waiting else 0
        if free <= 0:
            return
        waiting = {who: waiting.since for who, waiting in self._waiting.items() if waiting.ready}
        ready = self.precedence.order(waiting, self._in_flight, self._clock.seconds())
        for who in ready[:free]:
            if who in self._waiting:
                self._answer(who, min(max(free // len(ready), 1), MAX_TURNS))

    @property
    def _is_for_one(self) -> bool:
        """Whether there is one downloader alone: it waits for nobody, and its connection holds it back enough."""
        if len(self._waiting) != 1 or self._to_send or not self._in_flight.uplink.is_known:
            return False
        (who,) = self._waiting
        return self._turns.keys() <= {who} and self._in_flight.is_for_none_but(who)

    @property
    def _turns_due(self) -> float:
        """The turns to give now, so that the uplink does not run dry before they are used; may be negative."""
        uplink = self._in_flight.uplink
        unsent = uplink.unsent / self._piece
        promised = len(self._to_send) + sum(turn.pieces for turn in self._turns.values() if not turn.lapsed)
        until_used = self._turnaround * uplink.rate
        needed = (self._in_flight.max_unsent(self._piece) + until_used) / self._piece + 1 - unsent
        return min(max(needed, MIN_AHEAD - ceil(unsent)), MAX_AHEAD) - promised

    # pieces

    def start(self, who: Uploader, size: int) -> Deferred[None]:
        """Return what fires when a piece of `size` bytes may be sent to `who`."""
        self._end_turn(who, used=True)
        self._piece += (size - self._piece) * SMOOTHING
        start: Deferred[None] = Deferred()
        self._to_send.append((who, start))
        self._go_on()
        return start

    def _end_turn(self, who: Uploader, used: bool) -> bool:
        """Note that `who` has sent its next request: for a piece, if its turn is used. Returns whether it had one."""
        turn = self._turns.pop(who, None)
        if turn is None:
            return False
        now = self._clock.seconds()
        self._turnaround += (min(now - turn.given, MAX_TURNAROUND) - self._turnaround) * SMOOTHING
        if not turn.lapsed:
            self.precedence.late.discard(who)
        if used and turn.pieces > 1:
            self._turns[who] = _Turn(turn.pieces - 1, now)
        return True

    def _start_sending(self) -> float:
        """Start what may be; return the bytes that must leave before the next may."""
        while self._to_send:
            who, start = self._to_send[0]
            alone = self._is_alone(who)
            excess = 0 if alone else self._in_flight.uplink.unsent - self._in_flight.max_unsent(self._piece)
            if excess > 0:
                return excess
            self._to_send.popleft()
            self._in_flight.begin(who, self._piece, partial(start.callback, None), self._clock.seconds())
        return 0

    def _is_alone(self, who: Uploader) -> bool:
        """Return whether nobody else asks for pieces, and has not either for as long as it takes to measure a rate."""
        is_first = self._in_flight.uplink.is_known and self._in_flight.is_for_none_but(who)
        return is_first and all(other is who for other, _ in self._to_send)

    @property
    def _turn_timeout(self) -> float:
        return max(MIN_TURN_TIMEOUT, TURNAROUNDS * self._turnaround)

    def _note_lapsed(self, now: float) -> None:
        before = now - self._turn_timeout
        for who, turn in self._turns.items():
            if not turn.lapsed and turn.given <= before:
                turn.lapsed = True
                self.precedence.late.add(who)

    # both

    def _go_on(self) -> None:
        """Do what can be done now. What is done may lead here again: then do what that allows, too."""
        self._changed = True
        if self._goes_on or not (self._waiting or self._to_send):
            return
        self._goes_on = True
        now = self._clock.seconds()
        try:
            self._in_flight.look(now)
            self._note_lapsed(now)
            while self._changed:
                self._changed = False
                excess = self._start_sending()
                self._give_turns()
        finally:
            self._goes_on = False
        is_ready = any(waiting.ready for waiting in self._waiting.values())
        if (self._to_send or is_ready) and (self._in_flight or self._turns):
            self._look_again_in(self._time_until_change(excess, now))

    def _time_until_change(self, excess: float, now: float) -> float:
        """Return the seconds until another piece may begin, another turn may be given, or one that was given lapses."""
        if not self._to_send:
            excess = (1 - self._turns_due) * self._piece
        if not self._in_flight.uplink.is_known:
            return MIN_POLL  # what is assumed may be far too little
        lapse = min((turn.given for turn in self._turns.values() if not turn.lapsed), default=now) + self._turn_timeout
        return min(max(min(excess / self._in_flight.uplink.rate, lapse - now), MIN_POLL), MAX_POLL)

    def _look_again_in(self, delay: float) -> None:
        if self._poll is None or not self._poll.active():
            self._poll = self._clock.callLater(delay, self._go_on)
        elif self._poll.getTime() > self._clock.seconds() + delay:
            self._poll.reset(delay)
