"""Answer GET FILE with a Range, GET NEXT and GET TURN, in turns with other downloaders; and GET PIECES."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ...library.pieces import DIGEST, MAX_PIECE, MIN_PIECE, piece_count, piece_range, piece_size
from ...swarm.storage import Storage
from ...swarm.super_seeding import SuperSeeding
from ...swarm.turns import MIN_PIECES
from ...wire.errors import BadRequest, FileNotFound
from ...wire.messages import Cancel, GetFile, GetNext, GetPieces, GetTurn, Request
from .content_store import ContentStore, OpenFile
from .in_flight import Uploader
from .piece_lists import PieceLists, list_lines
from .piece_news import PieceNews, news_lines
from .upload_queue import UploadQueue

if TYPE_CHECKING:
    from .file_sender import Sender


class PieceSource:
    """What the pieces of a peer are sent from, to all of its downloaders."""

    def __init__(self, clock: IReactorTime, content_store: ContentStore) -> None:
        self.clock = clock
        self.content_store = content_store
        self.super_seeding = SuperSeeding()
        self.queues = {True: UploadQueue(clock), False: UploadQueue(clock)}
        """Those of the downloaders of this peer's site, and of all others: to send far away takes long, and is not to
        keep those nearby waiting."""
        for queue in self.queues.values():
            queue.precedence.ranks = self.super_seeding.unspread
            queue.precedence.is_suspect = self.super_seeding.is_suspect
        self.is_near: Callable[[str], bool] = lambda host: True
        """Whether the peer at a host is at this peer's site."""
        self.news = PieceNews()
        self.lists = PieceLists(clock)

    def piece_verified(self, content: Storage, piece: int) -> None:
        """Tell the downloaders, as their turns come, that the piece of an unfinished file is here."""
        if content.count > 1:
            self.news.add(content, piece)
            for queue in self.queues.values():
                queue.hear_news()


class Connection(Uploader, Protocol):
    """The parts of a server's connection that are needed here."""

    sender: Sender | None
    """What is being sent."""

    @property
    def client_host(self) -> str:
        """The host of the other end."""

    @property
    def is_gone(self) -> bool:
        """Whether the connection is lost."""

    def send(self, *parts: bytes, **headers: Any) -> Deferred[None] | None:
        """Send an answer."""

    def send_range(self, file: OpenFile, byte_range: tuple[int, int] | None) -> Deferred[bool]:
        """Send a range of `file`, and close it. Fires with whether all of it was sent."""


class PieceServer:
    """Answers on `connection`, whose peer has a certificate for the name `reader`, if any."""

    def __init__(self, source: PieceSource, connection: Connection) -> None:
        self._source = source
        self._connection = connection
        self._told: int | None = None
        """How far the downloader has been told of the pieces here (PieceNews)."""
        self._waits_for_turn = False
        self._starting: GetFile | None = None
        """The request for a piece whose answer is about to begin."""
        self._cancelled: set[tuple[str | None, tuple[int, int] | None]] = set()

    @cached_property
    def _queue(self) -> UploadQueue:
        return self._source.queues[self._source.is_near(self._connection.client_host)]

    def received(self, request: Request, waiting: Iterable[Request]) -> None:
        """Take note of a request before its turn.

        Apply a Cancel at once to the requests in `waiting`; hear what a GET NEXT says of pieces that others were given;
        answer a GET TURN that others follow.
        """
        message = request.message
        if isinstance(message, GetNext):
            self._source.super_seeding.hear(self._connection, message.wants)
        if isinstance(message, Cancel):
            key = message.sha256, message.byte_range
            before = [self._starting, *(one.message for one in waiting)]
            if any(isinstance(one, GetFile) and (one.sha256, one.byte_range) == key for one in before):
                self._cancelled.add(key)
        if self._waits_for_turn:
            self._queue.interrupt(self._connection)
        self._source.lists.hear(self._connection, request)

    def close(self) -> None:
        """Forget the downloader."""
        self._source.super_seeding.remove(self._connection)
        self._source.lists.remove(self._connection)
        for queue in self._source.queues.values():
            queue.remove(self._connection)

    # GET PIECES

    async def send_list(self, message: GetPieces, reader: str | None) -> None:
        """Send a piece list; if the file takes turns, and others ask for it too, not at once. Raises FileNotFound."""
        store, sha256 = self._source.content_store, message.sha256
        digests = store.piece_list(sha256, reader)
        is_shared_out = sha256 not in store.parts and len(digests) >= MIN_PIECES * DIGEST
        if is_shared_out and not await self._source.lists.wait(self._connection, sha256):
            raise FileNotFound("a request for pieces has come, which shows that the list is there")
        sending = self._connection.send(list_lines(digests))
        if sending is not None:
            await sending

    # GET TURN

    async def give_turn(self, message: GetTurn) -> None:
        """Tell the downloader that it may ask for pieces, and what is new here. Raises FileNotFound if not soon."""
        self._waits_for_turn = True
        try:
            turns = await self._queue.wait(self._connection, not message.news or self._has_news())
        finally:
            self._waits_for_turn = False
        if not turns:
            raise FileNotFound("the turn of this peer has not come yet, or it has sent another request")
        news = self._source.news.since(self._told, self._source.content_store.parts.values())
        self._told = self._source.news.place
        sending = self._connection.send(news_lines(news), turns=turns)
        if sending is not None:
            await sending

    def _has_news(self) -> bool:
        if self._told is not None:
            return self._told < self._source.news.place
        return any(content.count > 1 and content.have for content in self._source.content_store.parts.values())

    # GET FILE with a Range

    async def send_piece(self, message: GetFile, reader: str | None) -> None:
        """Send a range of a file when it is its turn. Raises FileNotFound and BadRequest."""
        assert message.byte_range is not None
        key, (first, last) = (message.sha256, message.byte_range), message.byte_range
        opens = self._find(message, reader)
        if last - first < MAX_PIECE:
            self._starting = message
            await self._queue.start(self._connection, last - first + 1)
            self._starting = None
        if key in self._cancelled:
            self._cancelled.remove(key)
            raise FileNotFound("cancelled")
        if not self._connection.is_gone:
            await self._connection.send_range(opens(), message.byte_range)

    def _find(self, message: GetFile, reader: str | None) -> Callable[[], OpenFile]:
        """Return what opens the file that has the range: an unfinished or a shared one."""
        store, byte_range = self._source.content_store, message.byte_range
        assert byte_range is not None
        if message.sha256 is not None and store.parts:
            part = store.part(message.sha256, *byte_range)
            if part is not None:
                return lambda: store.open_part(part)
        file = store.find(message.name, message.sha256, reader)
        if byte_range[1] >= file.size:
            raise BadRequest(f"the range goes beyond the {file.size} bytes of the file")
        return lambda: store.open(file)

    # GET NEXT

    async def send_next(self, message: GetNext, reader: str | None) -> None:
        """Send the next piece when it is the turn of the downloader; if there is none, say so at once."""
        queue, super_seeding = self._queue, self._source.super_seeding
        if self._is_given_out(message, reader):
            raise FileNotFound("of these there is nothing here that has not been given out")
        while not self._connection.is_gone and not await queue.wait(self._connection, True):
            pass
        await queue.start(self._connection, self._expected_size(message, reader))
        if self._connection.is_gone:
            return
        file, piece = self._open_next(message, reader)
        first, length = piece_range(file.size, piece)
        if not await self._connection.send_range(file, (first, first + length - 1)):
            super_seeding.take_back(file.sha256, piece)

    def _is_given_out(self, message: GetNext, reader: str | None) -> bool:
        """Return whether all that is wanted was given to others. Not if any of it is no file for this reader."""
        try:
            for sha256, _ in message.wants:
                self._source.content_store.find("", sha256, reader)
        except FileNotFound:
            return False
        return not self._source.super_seeding.has_any(message.wants)

    def _expected_size(self, message: GetNext, reader: str | None) -> int:
        """Return the bytes of a piece of the first of the wanted files that is here."""
        for sha256, _ in message.wants:
            with suppress(FileNotFound):
                size = self._source.content_store.find("", sha256, reader).size
                return min(size, piece_size(size))
        return MIN_PIECE

    def _open_next(self, message: GetNext, reader: str | None) -> tuple[OpenFile, int]:
        """Return a file that can be sent, open, and its first piece that no downloader was given.

        Raises FileNotFound: that of the first file that cannot be sent, if there is one.
        """
        store, super_seeding = self._source.content_store, self._source.super_seeding
        refused: FileNotFound | None = None
        for sha256, pieces in message.wants:
            given = None
            try:
                file = store.find("", sha256, reader)
                given = super_seeding.next(self._connection, [(sha256, pieces, piece_count(file.size))])
                if given is not None:
                    return store.open(file), given[1]
            except FileNotFound as e:
                if given is not None:
                    super_seeding.take_back(*given)
                refused = refused or e
        raise refused or FileNotFound("of these there is nothing here that has not been given out")
