"""Send the changes of the index, those of private files included, to a reader who follows it."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ...net.server import RequestConnection
from ...wire.messages import INITIAL_VERSION
from .index_answers import IndexAnswer
from .index_feed import IndexFeed
from .index_follower import IndexFollower
from .private_index import PrivateIndex, split_version


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

    def push(self, answer: IndexAnswer) -> bool:
        """Send an answer about public files, and what has changed of the private ones."""
        extended = self._private_index.extended(answer, self._told, self._reader, self.here)
        if extended is None:
            self._index_feed.catch_up(self, INITIAL_VERSION)
            return True
        if not super().push(extended):
            return False
        self.since, self._told = answer.index, split_version(extended.index)[1]
        return True

    def private_changed(self) -> None:
        """Send what has changed of the private files."""
        self.push(IndexAnswer((), self.since, self.since))

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
