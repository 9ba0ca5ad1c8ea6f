"""Send the changes of the index to a client that follows it."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from ...net.connection_state import Event
from ...net.server import RequestConnection
from .index_feed import IndexFeed


@implementer(IPushProducer)
class IndexFollower:
    """Answers on a connection whose client follows the index: one answer for each batch of changes.

    A client that does not read gets no answers; when it reads again, it gets all changes since the last one.
    """

    def __init__(self, connection: RequestConnection, index_feed: IndexFeed, since: str) -> None:
        self.here = connection.here
        self._connection = connection
        self._consumer = cast(IConsumer, connection.transport)
        self._index_feed = index_feed
        self._since = since
        self._paused = False
        self._missed = False
        self._done: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """Send the changes so far, then each further batch. Fires when the client is gone."""
        self._consumer.registerProducer(self, True)
        self._index_feed.follow(self, self._since)
        return self._done

    def push(self, body: bytes, since: str | None, index: str) -> None:
        """Send a batch of changes (`index_feed.Follower`)."""
        if self._paused:
            self._missed = True
            return
        self._since = index
        self._connection.touch()
        self._connection.reply(body, since=since, index=index)

    def end(self) -> bool:
        """Close the connection when all is sent; return False, and do nothing, if the client does not keep up."""
        if self._paused:
            return False
        self._consumer.unregisterProducer()
        self.stopProducing()
        self._connection.handle(Event.CLOSE)
        return True

    def pauseProducing(self) -> None:
        """Stop sending: the client does not keep up."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Send the changes that the client has missed."""
        self._paused = False
        if self._missed:
            self._missed = False
            self._index_feed.catch_up(self, self._since)

    def stopProducing(self) -> None:
        """Stop: the client is gone."""
        self._index_feed.unfollow(self)
        if not self._done.called:
            self._done.callback(None)
