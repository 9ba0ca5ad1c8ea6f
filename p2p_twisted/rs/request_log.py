"""The log of what an RS decides: one line for each Register, Leave and refusal, and few for a flood of them."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..events.publisher import Publisher
from ..events.rs import CookiesGuessed, PeerLeft, PeerRegistered, RequestRefused
from ..net.tally import Tally
from ..wire.address import Address
from ..wire.visible import shown

MAX_LINES = 20
"""Most lines of a kind in LINES_INTERVAL; one more says how many were left out."""
LINES_INTERVAL = 1
"""Seconds."""

GRANTED, REFUSED, GUESSES = "granted", "refused", "wrong cookies"


class RequestLog:
    """Logs what an RS publishes on `events`. `report` is to be called each second."""

    log = Logger()

    def __init__(self, clock: IReactorTime, events: Publisher) -> None:
        self._clock = clock
        self._tallies = {kind: Tally(LINES_INTERVAL, MAX_LINES) for kind in (GRANTED, REFUSED, GUESSES)}
        events.subscribe(PeerRegistered, lambda event: self._granted(event, "registered"))
        events.subscribe(PeerLeft, lambda event: self._granted(event, "left"))
        events.subscribe(RequestRefused, self._refused)
        events.subscribe(CookiesGuessed, self._guessed)

    def _granted(self, event: PeerRegistered | PeerLeft, what: str) -> None:
        self._note(GRANTED, f"{_at(event.peer)} has {what}, from {_at(event.caller)}")

    def _refused(self, event: RequestRefused) -> None:
        self._note(REFUSED, f"refused {_at(event.caller)}: {event.status} {shown(event.reason)}")

    def _guessed(self, event: CookiesGuessed) -> None:
        self._note(GUESSES, f"{event.host} has sent {event.count} wrong cookies: {event.treatment}")

    def report(self) -> None:
        """Log how many lines were left out since the last time."""
        now = self._clock.seconds()
        for kind, tally in self._tallies.items():
            if report := tally.report(now):
                count, last = report
                self.log.info("{kind}: {count} more, the last: {last}", kind=kind, count=count, last=last)

    def _note(self, kind: str, text: str) -> None:
        if self._tallies[kind].add(text, self._clock.seconds()):
            self.log.info("{text}", text=text)


def _at(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
