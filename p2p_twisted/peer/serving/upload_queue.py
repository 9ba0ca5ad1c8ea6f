"""Who may ask this peer for pieces, and when an answer with a piece begins: one after the other, not all at once.

An uplink that is shared by all who ask brings each piece to everybody late: one that only this peer has would reach the
first of N downloaders after N times as long as it takes alone, and only then be passed on. So a downloader asks when it
has its turn (GET TURN), chooses the piece at the last moment, and the next piece begins when the one before has nearly
left. What has left is judged by what the other end has acknowledged: the kernel takes a whole piece at once.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from math import ceil, floor
from random import Random
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...library.pieces import MIN_PIECE
from .given_turns import SMOOTHING, GivenTurns
from .in_flight import InFlight, Uploader
from .precedence import Precedence

MIN_AHEAD, MAX_AHEAD = 2, 64
"""Turns given and not used, and pieces being sent, at least and at most."""
MAX_TURNS = 8
"""Most pieces for which one answer gives turns."""
MAX_WAIT = 10
"""Seconds after which a downloader whose turn has not come is told so, that it need not doubt this peer."""
MIN_POLL, MAX_POLL = 0.02, 0.1
"""Seconds between two looks at what has left."""


class _Waiting(NamedTuple):
    """A downloader that waits for its turn since a time (seconds)."""

    turn: Deferred[int]
    since: float


class UploadQueue:
    """The downloaders that wait for a turn, and the pieces that wait to be sent, first come first served."""

    def __init__(self, clock: IReactorTime, random: Random | None = None) -> None:
        self.precedence = Precedence()
        self._clock = clock
        self._random = random or Random()
        self._waiting: dict[Uploader, _Waiting] = {}
        self._ready: dict[Uploader, float] = {}
        """Those that do not wait for news, and since when (seconds), in the order in which they get their turns."""
        self._given = GivenTurns(self.precedence.late)
        self._to_send: deque[tuple[Uploader, Deferred[None]]] = deque()
        self._in_flight = InFlight()
        self._piece = float(MIN_PIECE)
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
        now = self._clock.seconds()
        self._waiting[who] = _Waiting(turn, now)
        if ready:
            self._ready[who] = now
        if self._timeout is None:
            self._timeout = self._clock.callLater(MAX_WAIT, self._time_out)
        if self._given.end(who, used=False, now=now) or ready:
            self._go_on()
        return turn

    def hear_news(self) -> None:
        """Give a turn to those that wait for news, too.

        Their order is by lot. In that in which they came, those that came first to the swarm would be the first of each
        server, and be offered the same piece by many while others are offered none.
        """
        news = [who for who in self._waiting if who not in self._ready]
        self._random.shuffle(news)
        self._ready.update(dict.fromkeys(news, self._clock.seconds()))
        self._go_on()

    def interrupt(self, who: Uploader) -> None:
        """Let `who` wait no longer: it has sent another request."""
        if who in self._waiting:
            self._answer(who, 0)

    def remove(self, who: Uploader) -> None:
        """Forget `who`, whose connection is lost."""
        self._waiting.pop(who, None)
        self._ready.pop(who, None)
        self._given.remove(who)
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
        self._ready.pop(who, None)
        if turns:
            self._given.give(who, turns, self._clock.seconds())
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
        free = max(floor(self._turns_due), self._is_for_one) if self._ready else 0
        if free <= 0:
            return
        ready = self.precedence.order(self._ready, self._in_flight, self._clock.seconds())
        for who in ready[:free]:
            if who in self._ready:
                self._answer(who, min(max(free // len(ready), 1), MAX_TURNS))

    @property
    def _is_for_one(self) -> bool:
        """Whether there is one downloader alone: it waits for nobody, and its connection holds it back enough."""
        if len(self._waiting) != 1 or self._to_send or not self._in_flight.uplink.is_known:
            return False
        (who,) = self._waiting
        return self._given.are_for_none_but(who) and self._in_flight.is_for_none_but(who)

    @property
    def _turns_due(self) -> float:
        """The turns to give now, so that the uplink does not run dry before they are used; may be negative."""
        uplink = self._in_flight.uplink
        unsent = uplink.unsent / self._piece
        promised = len(self._to_send) + self._given.promised
        until_used = self._given.turnaround * uplink.rate
        needed = (self._in_flight.max_unsent(self._piece) + until_used) / self._piece + 1 - unsent
        return min(max(needed, MIN_AHEAD - ceil(unsent)), MAX_AHEAD) - promised

    # pieces

    def start(self, who: Uploader, size: int) -> Deferred[None]:
        """Return what fires when a piece of `size` bytes may be sent to `who`."""
        self._given.end(who, used=True, now=self._clock.seconds())
        self._piece += (size - self._piece) * SMOOTHING
        start: Deferred[None] = Deferred()
        self._to_send.append((who, start))
        self._go_on()
        return start

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
            self._given.note_lapsed(now)
            while self._changed:
                self._changed = False
                excess = self._start_sending()
                self._give_turns()
        finally:
            self._goes_on = False
        if (self._to_send or self._ready) and (self._in_flight or self._given):
            self._look_again_in(self._time_until_change(excess, now))

    def _time_until_change(self, excess: float, now: float) -> float:
        """Return the seconds until another piece may begin, another turn may be given, or one that was given lapses."""
        if not self._to_send:
            excess = (1 - self._turns_due) * self._piece
        if not self._in_flight.uplink.is_known:
            return MIN_POLL  # what is assumed may be far too little
        until = min(excess / self._in_flight.uplink.rate, self._given.until_lapse(now))
        return min(max(until, MIN_POLL), MAX_POLL)

    def _look_again_in(self, delay: float) -> None:
        if self._poll is None or not self._poll.active():
            self._poll = self._clock.callLater(delay, self._go_on)
        elif self._poll.getTime() > self._clock.seconds() + delay:
            self._poll.reset(delay)
