"""Send the changes of the index to a client that follows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from ...net.connection_state import Event
from ...net.producers import PART, paced
from ...net.server import RequestConnection
from .index_answers import IndexAnswer
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
        self.since = since
        self._paused = False
        self._missed = False
        self._answer: IndexAnswer | None = None  # that is being sent, as it is too long to be sent at once
        self._unsent: deque[bytes] = deque()
        self._progress: Callable[[], None] = connection.touch
        self._done: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """Send the changes so far, then each further batch. Fires when the client is gone."""
        self._consumer.registerProducer(self, True)
        self._index_feed.follow(self)
        return self._done

    def push(self, answer: IndexAnswer) -> bool:
        """Send an answer (`index_feed.Follower`)."""
        if self._paused:
            self._missed = True
            return False
        self.since = answer.index
        self._connection.touch()
        size = sum(map(len, answer.parts))
        if size <= PART:
            self._connection.reply(b"".join(answer.parts), since=answer.since, index=answer.index)
        else:
            self._connection.reply(length=size, since=answer.since, index=answer.index)
            self._progress = paced(self._connection, size)
            self._answer, self._unsent = answer, deque(answer.parts)
            answer.hold()
            self._send()
        return True

    def tell(self, body: bytes) -> bool:
        """Send lines of hearsay (`hearsay_feed.Follower`), which change no version; one that is behind misses them."""
        return not self._paused and self.push(IndexAnswer((body,), self.since, self.since))

    @property
    def is_over(self) -> bool:
        """Whether the client is gone."""
        return self._done.called

    def _send(self) -> None:
        while self._unsent and not self._paused:
            self._progress()
            self._consumer.write(self._unsent.popleft())
        if not self._unsent:
            self._release()

    def _release(self) -> None:
        answer, self._answer = self._answer, None
        self._unsent.clear()
        if answer is not None:
            answer.release()

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
        """Send the rest of an answer, then the changes that the client has missed."""
        self._paused = False
        self._send()
        if self._missed and not self._paused:
            self._missed = False
            self._index_feed.catch_up(self, self.since)

    def stopProducing(self) -> None:
        """Stop: the client is gone."""
        self._release()
        self._index_feed.unfollow(self)
        if not self._done.called:
            self._done.callback(None)
