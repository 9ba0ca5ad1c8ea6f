"""Send the changes of the index, those of private files included, to a reader who follows it."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ...net.server import RequestConnection
from ...wire.messages import INITIAL_VERSION
from .index_feed import IndexFeed
from .index_follower import IndexFollower
from .private_index import IndexAnswer, PrivateIndex, split_version


class PrivateFollower(IndexFollower):
    """Answers as IndexFollower does, with what `reader` may know of private files."""

    def __init__(
        self,
        connection: RequestConnection,
        index_feed: IndexFeed,
        private_index: PrivateIndex,
        reader: str,
        since: str,
    ) -> None:
        public, self._told = split_version(since)
        super().__init__(connection, index_feed, public)
        self._private_index = private_index
        self._reader = reader

    def start(self) -> Deferred[None]:
        """Send the changes so far, then each further batch. Fires when the client is gone."""
        self._private_index.follow(self._reader, self)
        return super().start()

    def push(self, body: bytes, since: str | None, index: str) -> None:
        """Send a batch of changes of public files, and what has changed of the private ones."""
        answer = self._private_index.extended(IndexAnswer(body, since, index), self._told, self._reader, self.here)
        if answer is None:
            self._index_feed.catch_up(self, INITIAL_VERSION)
            return
        super().push(answer.body, answer.since, answer.index)
        if not self._paused:
            self._since, self._told = index, split_version(answer.index)[1]

    def private_changed(self) -> None:
        """Send what has changed of the private files."""
        self.push(b"", self._since, self._since)

    def stopProducing(self) -> None:
        """Stop: the client is gone."""
        self._private_index.unfollow(self._reader, self)
        super().stopProducing()


def follower_for(
    reader: str | None, connection: RequestConnection, index_feed: IndexFeed, private_index: PrivateIndex, since: str
) -> IndexFollower:
    """Return a follower for a client that is `reader` (None: anybody), and has come to the version `since`."""
    if reader is None:
        return IndexFollower(connection, index_feed, since)
    return PrivateFollower(connection, index_feed, private_index, reader, since)
