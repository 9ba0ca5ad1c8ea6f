"""The log of what an RS decides: one line for each Register, Leave and refusal, and few for a flood of them."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..net.caller import Caller
from ..net.tally import Tally
from ..wire.address import Address
from ..wire.errors import WireError
from ..wire.visible import shown

MAX_LINES = 20
"""Most lines of a kind in LINES_INTERVAL; one more says how many were left out."""
LINES_INTERVAL = 1
"""Seconds."""

GRANTED, REFUSED, GUESSES = "granted", "refused", "wrong cookies"


class RequestLog:
    """Logs what an RS decides. `report` is to be called each second."""

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._tallies = {kind: Tally(LINES_INTERVAL, MAX_LINES) for kind in (GRANTED, REFUSED, GUESSES)}

    def granted(self, address: Address, what: str, caller: Caller) -> None:
        """Log that the peer at `address` registered or left: `what`."""
        self._note(GRANTED, f"{address[0]}:{address[1]} has {what}, from {_of(caller)}")

    def refused(self, caller: Caller, error: WireError) -> None:
        """Log a refusal and its reason."""
        self._note(REFUSED, f"refused {_of(caller)}: {error.status} {shown(error.reason)}")

    def guesses(self, text: str) -> None:
        """Log that a host sends wrong cookies, and what is done about it."""
        self._note(GUESSES, text)

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


def _of(caller: Caller) -> str:
    host, port = caller.address
    return f"{host}:{port}"
