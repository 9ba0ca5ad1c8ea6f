"""Sources of a swarm without a network: they answer when the test says so, rightly or not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import PieceVerified, TransferStarted
from p2p_twisted.library.pieces import PieceHasher, list_digest, piece_range, piece_size
from p2p_twisted.net.errors import FetchError, Refused, Unreachable
from p2p_twisted.swarm.errors import DownloadError
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.swarm import Swarm
from p2p_twisted.swarm.target import Target
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.messages import Cancel, GetFile, GetNext, GetPieces, GetTurn, Message, Response, Version
from p2p_twisted.wire.ranges import bits, from_ranges, members
from tests.support.inline_reactor import InlineReactor

PIECE = 64 * 1024
MAX_OUTSTANDING = 3
"""Pieces that a source lets a downloader have outstanding, but for those asked for by GET NEXT."""

Pending = tuple[Message, Any, Deferred[Response]]
"""A request that is not answered yet: it, its sink, and what fires with the answer."""


class Document:
    """`pieces` pieces of random bytes, the last of them short, and their hashes."""

    def __init__(self, pieces: int, seed: int = 1, name: str = "document.bin", short: int = 100) -> None:
        self.data = Random(seed).randbytes(pieces * PIECE - short if pieces else 0)
        self.name, self.size = name, len(self.data)
        hasher = PieceHasher(self.size)
        hasher.update(self.data)
        self.sha256, self.digests = hasher.sha256(), hasher.pieces()
        self.list_digest = list_digest(self.digests) if self.digests else ""

    def content(self, folder: str | Path) -> Storage:
        """Return a storage of it in `folder`."""
        return Storage(self.name, self.sha256, self.size, self.list_digest, Target(Path(folder), self.name))

    def piece(self, number: int) -> bytes:
        """Return the bytes of a piece."""
        first, length = piece_range(self.size, number)
        return self.data[first : first + length]


class FakeSource:
    """A peer that has `documents`. `answer` has it answer requests one by one."""

    def __init__(self, port: int, documents: Iterable[Document], only: set[int] | None = None) -> None:
        """`only`: the pieces that it has; default: all."""
        self.address: Address = ("10.0.0.1", port)
        self.documents = {document.sha256: document for document in documents}
        self.only = only
        self.given: set[tuple[str, int]] = set()
        """The pieces that it has given out as the next one."""
        self.asked: list[Message] = []
        self.cancelled: list[Cancel] = []
        self.connections: list[FakeConnection] = []
        self.refuses_to_connect: Exception | None = None
        self.is_corrupt = False
        """Whether it sends wrong bytes."""
        self.serves = True
        self.is_silent = False
        """Whether it does not even answer GET PIECES."""
        self.has_lists = True
        self.knows_turns = True
        self.gives_useless_turns = False
        """Whether it gives a turn to all who ask, whatever they wait for."""
        self.turns_asked = 0
        self.news = b""
        """What it tells with each turn."""
        self.held = 0

    async def connect(self) -> FakeConnection:
        """Connect to it. Raises `refuses_to_connect`."""
        if self.refuses_to_connect is not None:
            raise self.refuses_to_connect
        self.connections.append(FakeConnection(self))
        return self.connections[-1]

    @property
    def connection(self) -> FakeConnection:
        """The last connection."""
        return self.connections[-1]

    @property
    def outstanding(self) -> list[Message]:
        """The requests that wait."""
        return [message for message, _, _ in self.connection.waiting] if self.connections else []

    def answer(self, times: int = 1) -> None:
        """Answer so many of the requests that wait, the oldest first."""
        for _ in range(times):
            self.connection.answer(self.connection.waiting[0])

    def lose(self, why: FetchError | None = None) -> None:
        """Break the connection."""
        self.connection.fail(why or Unreachable("the connection was lost"))

    def find(self, message: Any) -> tuple[Document, int] | None:
        """Return the document and the piece that the message is to be answered with; None for a refusal."""
        if isinstance(message, GetFile):
            document = self.documents.get(message.sha256 or "")
            assert message.byte_range is not None
            piece = message.byte_range[0] // piece_size(document.size) if document else -1
            return (document, piece) if document and (self.only is None or piece in self.only) else None
        for sha256, ranges in message.wants:
            document = self.documents.get(sha256)
            for piece in members(from_ranges(ranges, 2**20)) if document else ():
                if document and (sha256, piece) not in self.given and (self.only is None or piece in self.only):
                    self.given.add((sha256, piece))
                    return document, piece
        return None


class FakeConnection:
    """A connection to a source, as net/client.py has it: it fails what waits when it is closed or lost."""

    def __init__(self, source: FakeSource) -> None:
        self.source = source
        self.waiting: list[Pending] = []
        self.turns: list[Pending] = []
        """The requests for a turn that wait."""
        self.lists: list[tuple[GetPieces, Deferred[tuple[Response, bytes]]]] = []
        self.lost: FetchError | None = None
        self.is_held = False

    # what the swarm asks of it

    def request(self, message: Message, sink: Any) -> Deferred[Response]:
        if self.lost is not None:
            return fail(self.lost)
        if isinstance(message, GetTurn):
            return self._ask_for_turn((message, sink, Deferred()))
        self.source.asked.append(message)
        self.waiting.append((message, sink, Deferred()))
        return self.waiting[-1][2]

    def collect(self, message: Message, limit: int) -> Deferred[tuple[Response, bytes]]:
        if self.lost is not None:
            return fail(self.lost)
        if isinstance(message, Cancel):
            self.source.cancelled.append(message)
            return succeed((self.response(), b""))
        assert isinstance(message, GetPieces)
        self.lists.append((message, Deferred()))
        return self.lists[-1][1]

    def hold(self, why: str) -> None:
        self.is_held = True
        self.source.held += 1

    def release(self, why: str) -> None:
        self.is_held = False

    def close(self) -> None:
        self.fail(Unreachable("closed by this side"))

    def _ask_for_turn(self, request: Pending) -> Deferred[Response]:
        self.source.turns_asked += 1
        if not self.source.knows_turns:
            return fail(Refused(300, "unknown method or document"))
        for before in self.turns:
            before[2].errback(Failure(Refused(100, "another request has come")))
        self.turns = [request]
        self.give_turn()
        return request[2]

    def give_turn(self) -> None:
        """Give a turn, if one is asked for whatever the news, and less than MAX_OUTSTANDING are outstanding."""
        for message, sink, done in self.turns:
            is_free = not message.news and len(self.waiting) < MAX_OUTSTANDING
            if is_free or self.source.gives_useless_turns or self.source.news:
                self.turns, news, self.source.news = [], self.source.news, b""
                sink.begin(self.response(length=len(news)))
                sink.data(news)
                done.callback(self.response(turns=1, length=len(news)))

    # what the source does with it

    def fail(self, why: FetchError) -> None:
        """Fail all that waits."""
        self.lost = self.lost or why
        while self.waiting or self.lists or self.turns:
            (self.lists or self.waiting or self.turns).pop(0)[-1].errback(Failure(self.lost))

    def answer_lists(self) -> None:
        """Answer every GET PIECES."""
        while self.lists:
            message, done = self.lists.pop(0)
            document = self.source.documents.get(message.sha256)
            if document is None or not self.source.has_lists:
                done.errback(Failure(Refused(100, "no such list here")))
            else:
                digests = (document.digests[i : i + 32].hex() for i in range(0, len(document.digests), 32))
                done.callback((self.response(), "".join(f"{digest}\n" for digest in digests).encode()))

    def answer(self, request: Pending) -> None:
        """Answer a request at once, or refuse it."""
        message, _, done = request
        if isinstance(message, GetNext | GetFile) and (found := self.source.find(message)) is not None:
            self.begin(request, *found)
            self.finish(request, *found)
        else:
            self.waiting.remove(request)
            done.errback(Failure(Refused(100, "not here")))
            self.give_turn()

    def begin(self, request: Pending, document: Document, piece: int, **head: Any) -> None:
        """Send the head of the answer, with the fields of `head` instead of its own, and its first byte."""
        first, length = piece_range(document.size, piece)
        fields = {
            "size": document.size,
            "sha256": document.sha256,
            "byte_range": (first, first + length - 1),
            "length": length,
        }
        self._give(request, lambda sink: sink.begin(self.response(**{**fields, **head})))
        self._give(request, lambda sink: sink.data(self._bytes(document, piece)[:1]))

    def finish(self, request: Pending, document: Document, piece: int) -> None:
        """Send the rest of it."""
        self._give(request, lambda sink: sink.data(self._bytes(document, piece)[1:]))
        if request in self.waiting:
            self.waiting.remove(request)
            request[2].callback(self.response())
            self.give_turn()

    def _bytes(self, document: Document, piece: int) -> bytes:
        data = document.piece(piece)
        return bytes(byte ^ 1 for byte in data[:9]) + data[9:] if self.source.is_corrupt else data

    def _give(self, request: Pending, give: Callable[[Any], object]) -> None:
        if request in self.waiting:
            try:
                give(request[1])
            except FetchError as e:
                self.fail(e)

    @staticmethod
    def response(**head: Any) -> Response:
        """Return a head with these fields."""
        return Response(200, Version.V11, "10.0.0.1", "Linux", **{"length": 0, **head})


class RunningSwarm:
    """A swarm that fetches `documents` into `folder` from `sources`, all of them seeds unless they are in `late`."""

    def __init__(
        self,
        folder: Path,
        documents: Iterable[Document],
        sources: Iterable[FakeSource],
        reactor: Any = None,
        late: Iterable[FakeSource] = (),
    ) -> None:
        self.reactor = cast(Any, reactor or InlineReactor())
        self.sources = {source.address: source for source in (*sources, *late)}
        self.files = [document.content(folder) for document in documents]
        self.started: list[TransferStarted] = []
        self.verified: list[PieceVerified] = []
        self.completed: dict[str, DownloadError | None] = {}
        """The files that have ended, by their names, and the error of each."""
        publisher = Publisher()
        publisher.subscribe(TransferStarted, self.started.append)
        publisher.subscribe(PieceVerified, self.verified.append)
        self.swarm = Swarm(
            self.reactor, self.files, lambda address: self.sources[address].connect(), lambda address: 0, publisher
        )
        for file in self.files:
            finished: Deferred[Any] = self.swarm.finished(file.sha256)
            finished.addBoth(self._finished, file)
        for source in sources:
            for sha256 in source.documents:
                if sha256 in self.swarm.files:
                    self.swarm.add_seed(source.address, sha256)
        self.ended: list[Any] = []
        self.running: Deferred[Any] = self.swarm.run()
        self.running.addBoth(self.ended.append)
        self.answer_lists()

    def _finished(self, outcome: Any, file: Storage) -> None:
        self.completed[file.name] = outcome and outcome.value
        if outcome is None:
            file.finish(False)
        else:
            file.close()

    def add_complete(self, source: FakeSource, document: Document) -> None:
        """Announce that the source has all of the document."""
        self.swarm.add_complete(source.address, document.sha256)
        self.answer_lists()

    def add_pieces(self, source: FakeSource, document: Document, pieces: Iterable[int]) -> None:
        """Announce that the source has these pieces."""
        self.swarm.add_pieces(source.address, document.sha256, bits(pieces))
        self.answer_lists()

    def answer_lists(self) -> None:
        """Have each source that is asked for piece hashes, and is not silent, answer."""
        for source in self.sources.values():
            if source.connections and not source.is_silent:
                source.connection.answer_lists()

    def serve(self) -> None:
        """Have all sources answer all requests in turn, until none is left."""
        self.answer_lists()
        while busy := [s for s in self.sources.values() if s.serves and s.connections and s.connection.waiting]:
            for source in busy:
                if source.connection.waiting:
                    source.answer()

    def wait(self, seconds: float, step: float = 0.5) -> None:
        """Let that time pass while the sources serve."""
        self.serve()
        for _ in range(round(seconds / step)):
            self.advance(step)
            self.serve()

    def advance(self, *steps: float) -> None:
        """Let time pass; only piece lists are answered."""
        for step in steps:
            self.reactor.advance(step)
            self.answer_lists()

    @property
    def pieces(self) -> list[int]:
        """The verified pieces, in the order in which they came."""
        return [event.piece for event in self.verified]


def is_document(path: str | Path, document: Document) -> bool:
    """Return whether the file at `path` is the document, whole."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() == document.sha256


class SlowThreads(InlineReactor):
    """A reactor whose threads do their work when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.work: list[tuple[Any, Any, Any, Any]] = []

    def callInThreadWithCallback(self, on_result: Any, work: Any, *args: Any, **kwargs: Any) -> None:
        self.work.append((on_result, work, args, kwargs))

    def run_threads(self, times: int = 10_000) -> None:
        """Do the waiting work, and what follows from it; at most so many pieces of work."""
        while self.work and times:
            on_result, work, args, kwargs = self.work.pop(0)
            super().callInThreadWithCallback(on_result, work, *args, **kwargs)
            times -= 1
