"""The peer's server: its index and its files, with their pieces, piece lists and changes for swarms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ...net.caller import Caller
from ...net.server import FastAnswer, RequestConnection
from ...net.unsent import unsent
from ...wire.errors import BadRequest, Forbidden
from ...wire.fields import clean_host
from ...wire.messages import (
    Cancel,
    GetFile,
    GetIndex,
    GetNext,
    GetPieces,
    GetRfc,
    GetRfcIndex,
    GetSources,
    GetTurn,
    Hello,
    Probe,
    Request,
    Search,
    Version,
)
from ...wire.whole import read_turn
from .content_store import OpenFile
from .file_sender import Sender, SendingStopped, file_sender
from .index_follower import IndexFollower
from .piece_server import PieceServer
from .private_follower import follower_for

if TYPE_CHECKING:
    from .factory import PeerFactory

MAX_PAUSE = 15
"""Seconds without progress after which a download may lose its place when all are taken."""


class PeerConnection(RequestConnection):
    """A connection to this peer's server."""

    factory: PeerFactory
    lingers = True  # existing clients append lines to GET INDEX

    def __init__(self) -> None:
        super().__init__()
        self.sending = 0
        """Ranges of files being sent (`uploads.Connection`)."""
        self.sender: Sender | None = None
        self._follower: IndexFollower | None = None
        self._piece_server: PieceServer | None = None

    def fast_path(self, data: bytes, at: int) -> FastAnswer | None:
        """Take a GET TURN without the parser."""
        turn = read_turn(data, at)
        return None if turn is None else (*turn, turn[1].version)

    def answer(self, request: Request, caller: Caller) -> Deferred[Any] | None:
        """Serve the messages of peers; those of the RS are BadRequest."""
        message = request.message
        self.factory.requests[type(message).__name__] += 1
        reader = caller.name if request.version is Version.V11 else None  # a client of 1.0 knows no private records
        if isinstance(message, GetFile):
            return self._send_file(message, reader)
        if isinstance(message, GetNext):
            return Deferred.fromCoroutine(self._pieces.send_next(message, reader))
        if isinstance(message, GetTurn):
            return Deferred.fromCoroutine(self._pieces.give_turn(message))
        if isinstance(message, GetIndex):
            return self._send_index(message, request, reader)
        if isinstance(message, GetPieces):
            return Deferred.fromCoroutine(self._pieces.send_list(message, reader))
        if isinstance(message, GetSources):
            self.factory.content_store.check_has_some(message.sha256)
            self.reply(self.factory.askers.answer(message.sha256, caller.address[0], message.port))
            return None
        if isinstance(message, Search):
            found = Deferred.fromCoroutine(self.factory.search(message, reader))
            return found.addCallback(lambda lines: self.reply(lines))
        if isinstance(message, Cancel):
            self.reply()
            return None
        if isinstance(message, Hello):
            if not caller.may_announce(host := clean_host(request.host) or caller.address[0]):
                raise Forbidden(f"the certificate of {caller.name} is not for the host {host}; have one issued that is")
            if self.factory.arrivals is not None:
                self.factory.arrivals.hello(caller.address[0], request.host, message.port)
            self.reply()
            return None
        if isinstance(message, Probe):
            return Deferred.fromCoroutine(self._probe(message, request, caller))
        if isinstance(message, GetRfcIndex):
            return Deferred.fromCoroutine(self._send_answer(GetIndex(), request.version, reader))
        if isinstance(message, GetRfc):
            return self.send_range(self.factory.content_store.open(self.factory.rfc_files.find(message.number)), None)
        raise BadRequest("this is a peer: it serves GET INDEX and GET FILE; the rest is for the RS")

    def received(self, request: Request, waiting: Iterable[Request]) -> None:
        """Take note of a request that is read before its turn (PieceServer)."""
        if self._piece_server is not None or isinstance(request.message, GetFile | GetNext | GetTurn):
            self._pieces.received(request, waiting)

    @property
    def _pieces(self) -> PieceServer:
        """What answers requests for pieces: made for the first one, and no longer kept once the connection is lost.

        The two refer to each other, and the many connections that ask for no piece must not wait for the collector.
        """
        pieces = self._piece_server or PieceServer(self.factory.piece_source, self)
        self._piece_server = None if self.is_gone else pieces
        return pieces

    def unsent(self) -> int:
        """Return the bytes of answers that the client has not acknowledged yet."""
        return unsent(self.transport) + (self.sender.left if self.sender is not None else 0)

    @property
    def client_host(self) -> str:
        """The IP address of the client."""
        return str(self.transport.getPeer().host)

    @property
    def is_gone(self) -> bool:
        """Whether the connection is lost."""
        return bool(getattr(self.transport, "disconnected", False))

    def connectionLost(self, reason: Any = None) -> None:
        """Forget the client."""
        super().connectionLost(reason)
        if self._piece_server is not None:
            self._piece_server.close()
            self._piece_server = None
        self.factory.uploads.close(self)

    def is_shielded(self, now: float) -> bool:
        """Return whether a file is being sent, and its receiver has taken some of it lately."""
        return self.sending > 0 and now - self.slow_since < MAX_PAUSE

    def end(self) -> None:
        """Close the connection; a follower sees by a clean end that this peer stops."""
        if self._follower is None or not self._follower.end():
            super().end()

    async def _probe(self, message: Probe, request: Request, caller: Caller) -> None:
        if self.factory.prober is None:
            raise Forbidden("nothing is tried here")
        line = await self.factory.prober.probe(caller.address[0], request.host, message.port)
        self.reply(f"{line}\n".encode())

    # the index

    def _send_index(self, message: GetIndex, request: Request, reader: str | None) -> Deferred[Any]:
        feed, private = self.factory.index_feed, self.factory.private_index
        if message.follow and message.since is not None:
            self._follower = follower_for(reader, self, feed, private, message.since)
            if message.hearsay:
                self.factory.hearsay_feed.subscribe(self._follower)
            return self._follower.start()
        return Deferred.fromCoroutine(self._send_answer(message, request.version, reader))

    async def _send_answer(self, message: GetIndex, version: Version, reader: str | None) -> None:
        """Send an index whole, or its changes since a version."""
        answers, private = self.factory.index_feed.answers, self.factory.private_index
        if message.since is not None:
            answer = await private.since(message.since, answers, reader, self.here)
        else:
            public = await answers.whole(self.here, version, message.hearsay)
            answer = await private.extended(public, reader, self.here)
        answer.hold()
        try:
            versions = {"since": answer.since, "index": answer.index}
            await (self.send(*answer.parts, **versions, site=self.factory.site) or succeed(None))
        finally:
            answer.release()

    # files

    def _send_file(self, message: GetFile, reader: str | None) -> Deferred[Any]:
        if message.byte_range is not None:
            return Deferred.fromCoroutine(self._pieces.send_piece(message, reader))
        content_store = self.factory.content_store
        return self.send_range(content_store.open(content_store.find(message.name, message.sha256, reader)), None)

    def send_range(self, file: OpenFile, byte_range: tuple[int, int] | None) -> Deferred[bool]:
        """Send a range of `file`, None for all of it, and close it. Fires with whether all of it was sent."""
        first, last = byte_range or (0, file.size - 1)
        length = last - first + 1
        self.reply(length=length, size=file.size, sha256=file.sha256, byte_range=byte_range, modified=file.modified)
        self.factory.uploaded += length
        self.factory.index_feed.content_sent()
        self.sender = sender = file_sender(self.transport, file.fd, first, length, self.touch, self.factory.uplink)
        self.sending, started = self.sending + 1, self.factory.clock.seconds()

        def ended(result: Failure | None) -> bool:
            self.sending -= 1
            self.sender = None
            if result is not None:
                result.trap(SendingStopped)
            self.factory.uploads.add(self, file.sha256, sender.sent, started, result is None)
            return result is None

        return sender.start().addBoth(ended)
