"""One request and its answer on the asking side: where the body goes as it comes, and who waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from twisted.internet.defer import Deferred

from ..wire.messages import Message, Response
from .errors import Garbled, Refused

MAX_REFUSAL = 4096
"""Bytes of the body in which a server says why."""


class Sink(Protocol):
    """Takes a body as it comes. A FetchError that either method raises ends the connection and the request."""

    def begin(self, response: Response) -> None:
        """The head of a granted response is there."""

    def data(self, data: bytes) -> None:
        """A part of its body is there."""


class Collect:
    """Keeps a body of at most `limit` bytes, and tells `came` how many have come. Raises Garbled over that."""

    def __init__(self, limit: int, came: Callable[[int], object] | None = None) -> None:
        self._limit = limit
        self._came = came
        self._size = 0
        self._parts: list[bytes] = []

    def begin(self, response: Response) -> None:
        """A head that promises too much is refused at once."""
        if (response.length or 0) > self._limit:
            raise Garbled(f"an answer of {response.length} bytes, more than the {self._limit} that it may have")

    def data(self, data: bytes) -> None:
        """A part of the body."""
        self._size += len(data)
        if self._size > self._limit:
            raise Garbled(f"an answer longer than the {self._limit} bytes that it may have")
        self._parts.append(data)
        if self._came is not None:
            self._came(len(data))

    def body(self) -> bytes:
        """All that came."""
        return b"".join(self._parts)

    def take(self) -> bytes:
        """The body, after which the next may come."""
        body = self.body()
        self._parts, self._size = [], 0
        return body


@dataclass
class Exchange:
    """One request on its way: where its body goes, and the Deferred that its caller waits on."""

    message: Message
    sink: Sink
    done: Deferred[Response] = field(default_factory=Deferred)
    response: Response | None = None
    each: Callable[[Response], object] | None = None
    """What takes each of the answers that go on coming; None where one answer is all."""

    def begin(self, response: Response) -> None:
        """The head of the answer is there. Raises the FetchError of the sink."""
        self.response = response
        if not response.ok:
            self.sink = Collect(MAX_REFUSAL)
        self.sink.begin(response)

    def end(self, response: Response) -> None:
        """All of the answer is there."""
        if response.ok:
            self.done.callback(response)
        else:
            assert isinstance(self.sink, Collect)
            text = self.sink.body().decode("utf-8", "replace").strip().partition("\n")[0]
            reason = "".join(c for c in text if c.isprintable())
            self.done.errback(Refused(response.status, reason, response.retry_after))
