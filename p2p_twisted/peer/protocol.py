"""What a peer serves: its index (GET INDEX) and its files (GET FILE)."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ..serving import AHEAD, RequestConnection, RequestFactory
from ..wire.errors import BadRequest
from ..wire.messages import GetFile, GetIndex, Request
from .holdings import Holdings
from .sending import BytesSender, Sender, SendingStopped, file_sender

MOST_CONNECTIONS = 2_000
MOST_OF_ONE_HOST = 500


class PeerConnection(RequestConnection):
    """A connection to this peer's server."""

    factory: PeerFactory
    lingers = True  # existing clients append lines to GET INDEX

    def answer(self, request: Request) -> Deferred[None] | None:
        """Serve the two messages of peers; those of the RS are BadRequest."""
        message = request.message
        if isinstance(message, GetIndex):
            return self._send_index(self.factory.holdings.body(self.here, request.version))
        if isinstance(message, GetFile):
            return self._send_file(message)
        raise BadRequest("this is a peer: it serves GET INDEX and GET FILE; the rest is for the RS")

    def _send_index(self, body: bytes) -> Deferred[None] | None:
        if len(body) <= AHEAD:
            self.reply(body)
            return None
        self.reply(length=len(body))
        return _unless_lost(BytesSender(self.transport, body, self.touch))

    def _send_file(self, message: GetFile) -> Deferred[None] | None:
        holdings = self.factory.holdings
        file = holdings.find(message.name, message.sha256)
        first, last = message.span or (0, file.size - 1)
        if message.span and last >= file.size:
            raise BadRequest(f"the range goes beyond the {file.size} bytes of the file")
        length = last - first + 1
        fd = holdings.open(file)
        self.reply(length=length, size=file.size, sha256=file.sha256, span=message.span)
        self.factory.uploaded += length
        return _unless_lost(file_sender(self.transport, fd, first, length, self.touch))


def _unless_lost(sending: Sender) -> Deferred[None]:
    return sending.start().addErrback(lambda failure: failure.trap(SendingStopped) and None)


class PeerFactory(RequestFactory):
    """Serves `holdings`. `uploaded` counts the bytes of files that were asked for."""

    protocol = PeerConnection  # type: ignore[assignment]

    def __init__(self, clock: IReactorTime, holdings: Holdings) -> None:
        super().__init__(clock, MOST_CONNECTIONS, MOST_OF_ONE_HOST)
        self.holdings = holdings
        self.uploaded = 0
