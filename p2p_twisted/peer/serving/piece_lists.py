"""When a downloader is sent the piece list of a file: the first at once, those that ask soon after it a little later.

In a swarm that begins, all downloaders ask the one source for the same list. To send it to each would keep the uplink
for which everybody waits from the first pieces; so they get a moment in which to have the list from one another.
"""

from __future__ import annotations

from collections.abc import Hashable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...library.pieces import DIGEST
from ...wire.messages import GetFile, GetNext, Request

SOON = 1.0
"""Seconds after a list was sent in which another downloader that asks for it has to wait."""
WAIT, WAIT_EACH = 0.25, 0.05
"""Seconds that it waits at most: alone, and more for each that waits already."""
MAX_REMEMBERED = 1_000
"""Files of which it is remembered when their list was sent."""

_Waiting = tuple[str, Deferred[bool], IDelayedCall]
"""The SHA-256 of the file, what fires with whether to send the list, and the call that ends the wait."""


class PieceLists:
    """The downloaders that wait for a piece list; each is whatever identifies its connection."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._sent: dict[str, tuple[float, Hashable]] = {}
        """When (seconds) and to whom the list of a file was sent last, by its SHA-256, the earliest first."""
        self._waiting: dict[Hashable, _Waiting] = {}

    def wait(self, who: Hashable, sha256: str) -> Deferred[bool]:
        """Return what fires when `who` is to be sent the list: with False if it has the list by then."""
        allowed: Deferred[bool] = Deferred()
        sent_at, _ = self._sent.get(sha256, (-SOON, None))
        if self._clock.seconds() - sent_at >= SOON:
            self._send(who, sha256, allowed)
        else:
            seconds = WAIT + WAIT_EACH * len(self._waiting)
            self._waiting[who] = sha256, allowed, self._clock.callLater(seconds, self._end, who, is_needed=True)
        return allowed

    def hear(self, who: Hashable, request: Request) -> None:
        """Take note of another request of `who`: one for pieces shows that it has the list."""
        message = request.message
        if who in self._waiting and isinstance(message, GetFile | GetNext):
            asked = [message.sha256] if isinstance(message, GetFile) else [sha256 for sha256, _ in message.wants]
            if self._waiting[who][0] in asked:
                self._end(who, is_needed=False)

    def remove(self, who: Hashable) -> None:
        """Forget `who`, whose connection is lost: others cannot have the list from it."""
        if who in self._waiting:
            self._end(who, is_needed=False)
        for sha256 in [sha256 for sha256, (_, last) in self._sent.items() if last is who]:
            del self._sent[sha256]

    def _end(self, who: Hashable, is_needed: bool) -> None:
        sha256, allowed, timer = self._waiting.pop(who)
        if timer.active():
            timer.cancel()
        if is_needed:
            self._send(who, sha256, allowed)
        else:
            allowed.callback(False)

    def _send(self, who: Hashable, sha256: str, allowed: Deferred[bool]) -> None:
        self._sent.pop(sha256, None)
        self._sent[sha256] = self._clock.seconds(), who
        if len(self._sent) > MAX_REMEMBERED:
            del self._sent[next(iter(self._sent))]
        allowed.callback(True)


def list_lines(digests: bytes) -> bytes:
    """Return the body of the answer with a piece list: `digests` are the hashes, one after the other."""
    return "".join(f"{digests[i : i + DIGEST].hex()}\n" for i in range(0, len(digests), DIGEST)).encode()
