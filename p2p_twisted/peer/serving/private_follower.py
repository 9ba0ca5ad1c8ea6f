"""Send the changes of the index, those of private files included, to a reader who follows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from ...net.server import RequestConnection
from ...wire.messages import INITIAL_VERSION
from .index_answers import IndexAnswer
from .index_feed import IndexFeed
from .index_follower import IndexFollower
from .private_index import PrivateIndex, joined, split_version

AT_ONCE = 200
"""Changes of private files in one answer; more of them go out in several, in turns of the reactor."""


class PrivateFollower(IndexFollower):
    """Answers as IndexFollower does, and tells what `reader` may know of private files in answers of their own.

    `since` is the version of the public files that the client has come to, `_told` that of the private ones ("": none).
    """

    def __init__(
        self,
        connection: RequestConnection,
        index_feed: IndexFeed,
        private_index: PrivateIndex,
        reader: str,
        since: str,
    ) -> None:
        public, self._told = split_version(since)
        is_known = not self._told or private_index.changed(self._told, reader) is not None
        super().__init__(connection, index_feed, public if is_known else INITIAL_VERSION)
        self._private_index = private_index
        self._reader = reader
        self._is_begun = False
        self._names: list[str] = []
        """The files of which is still to be told, before the client has come to the version `_aim`."""
        self._aim = ""
        self._timer: Any = None

    def start(self) -> Deferred[None]:
        """Send the changes so far, then each further batch. Fires when the client is gone."""
        self._private_index.follow(self._reader, self)
        return super().start()

    def push(self, answer: IndexAnswer) -> bool:
        """Send an answer about public files, then what has changed of the private ones."""
        if answer.since is None:
            sent = self._push(answer, "")
            self._names = [] if sent else self._names
        else:
            parts, hidden = self._private_index.without_private(answer.parts, self._reader)
            sent = self._push(replace(answer, parts=parts), self._told)
            if sent and hidden:
                self._aim = self._aim if self._names else self._told
                self._names += hidden
        if sent:
            self._is_begun = True
            self._go_on()
        return sent

    def tell(self, body: bytes) -> bool:
        """Send lines of hearsay, which change no version."""
        return not self._paused and self._push(IndexAnswer((body,), self.since, self.since), self._told)

    def _push(self, answer: IndexAnswer, told: str) -> bool:
        """Send an answer after which the client has come to the version `told` of the private files."""
        since = None if answer.since is None else joined(answer.since, self._told)
        sent = super().push(replace(answer, since=since, index=joined(answer.index, told)))
        if sent:
            self.since, self._told = answer.index, told
        return sent

    def private_changed(self) -> None:
        """Send what has changed of the private files."""
        if self._is_begun and not self._paused:
            self._go_on()

    def _go_on(self) -> None:
        """Send the next changes, if there are any; the rest in later turns."""
        if not self._names:
            names = self._private_index.changed(self._told, self._reader)
            if names is None:  # too many for the client to be told one by one
                self._index_feed.catch_up(self, INITIAL_VERSION)
                return
            self._names, self._aim = list(names), self._private_index.version(self._reader)
        if self._names and not self._paused:
            self._send_next()

    def _send_next(self) -> None:
        names, self._names = self._names[:AT_ONCE], self._names[AT_ONCE:]
        lines = "".join(f"{line}\n" for line in self._private_index.lines(names, self._reader, self.here))
        answer = IndexAnswer((lines.encode(),), self.since, self.since)
        self._push(answer, self._told if self._names else self._aim)
        if self._timer is None or not self._timer.active():
            self._timer = self._private_index.clock.callLater(0, self._go_on)

    def resumeProducing(self) -> None:
        """Send what the client has missed."""
        super().resumeProducing()
        self.private_changed()

    def stopProducing(self) -> None:
        """Stop: the client is gone."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._private_index.unfollow(self._reader, self)
        super().stopProducing()


def follower_for(
    reader: str | None, connection: RequestConnection, index_feed: IndexFeed, private_index: PrivateIndex, since: str
) -> IndexFollower:
    """Return a follower for a client that is `reader` (None: anybody), and has come to the version `since`."""
    if reader is None:
        return IndexFollower(connection, index_feed, since)
    return PrivateFollower(connection, index_feed, private_index, reader, since)
