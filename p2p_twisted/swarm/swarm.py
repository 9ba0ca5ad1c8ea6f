"""A download from many sources at once: carries out what the picker chooses, and has what comes verified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Set
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..library.pieces import piece_range, piece_size
from ..net.connect import Reactor
from ..net.errors import FetchError, Refused
from ..wire.address import Address
from ..wire.messages import Cancel, GetFile, GetNext, Message
from .errors import Corrupt, DownloadError, TooSlow
from .picker import Picker
from .picker_state import PieceRequest, Request
from .piece_hashes import PieceHashes
from .prospects import Prospects
from .source import Connection, PieceSink, Source
from .source_pool import SourcePool
from .storage import Storage
from .verifier import Outcome, Verifier, in_thread

MAX_HASH_FAILURES = 3
"""Pieces with a wrong hash after which a source is banned."""
IDLE_TIMEOUT = 30
"""Seconds without a byte from anyone after which the download has failed, if nothing is outstanding."""
UNRESPONSIVE_TIMEOUT = 90
"""The same if one does: its process, or its machine, may have been suspended."""


class Swarm:
    """Fetches `files`. `connect` makes a connection to a peer, or raises a SourceError; `rank` says which sources to
    try first, the lowest.

    `began` is called when a peer begins to send a piece, `kept` with each verified piece, its source, and whether that
    gave it to nobody else; `completed` with each file that is whole and right, or the error that ended it.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Reactor,
        files: Iterable[Storage],
        connect: Callable[[Address], Awaitable[Connection]],
        rank: Callable[[Address], int],
        began: Callable[[Storage, Address], object],
        kept: Callable[[Storage, int, Address, bool], object],
        completed: Callable[[Storage, DownloadError | None], object],
    ) -> None:
        self.files = {content.sha256: content for content in files}
        """By their hash."""
        self.sources = SourcePool(reactor, connect, rank, self._pump, self._released, self._away, self._broken)
        self.received = 0
        self.duplicate = 0
        """Bytes that came, and those of them that were here already."""
        self._reactor = reactor
        self._began = began
        self._kept = kept
        self._completed = completed
        self._picker = Picker(Random())
        self._left = set(self.files)
        self._begun = self._over = False
        self._done: Deferred[None] = Deferred(lambda _: self._stop())
        self._tick = LoopingCall(self._look_after)
        self._tick.clock = reactor
        self._idle = 0
        """How often it was looked after since something came: of the time that this process is stopped only once."""
        self._paused = False
        self._verifier = Verifier(reactor, self._complete, self._pause, self._broken)
        self._typical = max((piece_size(content.size) for content in self.files.values()), default=1)
        self._piece_hashes = PieceHashes(
            reactor, self.files, self._picker, self.sources, self._want, self._has_no_list, self._broken
        )
        self._prospects = Prospects(reactor, self._picker, self.sources)

    @property
    def left(self) -> Set[str]:
        """The hashes of the files that are neither completed nor failed."""
        return self._left

    # from outside

    def run(self) -> Deferred[None]:
        """Begin. Fires when every file is completed or failed; cancelling it stops the download as it is."""
        self._tick.start(1, now=False)
        Deferred.fromCoroutine(self._begin()).addErrback(self._broken)
        return self._done

    def add_seed(self, address: Address, sha256: str) -> None:
        """The peer at `address` has had the whole file since before the download began."""
        self._picker.state.add_seed(address, sha256)
        self.sources.add(address)

    def add_complete(self, address: Address, sha256: str) -> None:
        """The peer at `address` has the whole file by now."""
        self._picker.state.add_complete(address, sha256)
        self.sources.add(address)

    def add_pieces(self, address: Address, sha256: str, pieces: Iterable[int]) -> None:
        """The peer at `address` has these pieces of the file."""
        self._picker.state.add_pieces(address, sha256, pieces)
        self.sources.add(address)

    def remove(self, address: Address, sha256: str) -> None:
        """The peer at `address` has the file no more, as it says."""
        self._prospects.removed(address, sha256)
        self._check([sha256])

    # asking

    async def _begin(self) -> None:
        for content in list(self.files.values()):
            try:
                if content.count > 1:
                    await in_thread(self._reactor, content.resume)
            except DownloadError as e:
                self._complete(content, e)
                continue
            if content.digests is None:
                self._piece_hashes.need(content.sha256)
            else:
                self._want(content)
        self._begun = True
        self._pump_all()

    def _want(self, content: Storage) -> None:
        if not self._over and content.sha256 in self._left:
            self._picker.state.want(content.sha256, content.count, content.missing())
            self._verifier.hash_on(content)
            self._pump_all()

    def _pump(self, source: Source) -> None:
        """Ask `source` for as much as should be outstanding."""
        if self._over or source.connection is None or self._paused:
            return
        self._piece_hashes.ask(source)
        while source.has_room(self._typical, self._reactor.seconds()):
            request = self._picker.next_request(source.address, self._reactor.seconds())
            if request is None:
                return
            self._ask(source, request)

    def _pump_all(self) -> None:
        for source in self.sources:
            self._pump(source)

    def _ask(self, source: Source, request: Request) -> None:
        assert source.connection is not None
        if not source.outstanding:
            source.idle = 0
        source.chosen["rarest piece" if isinstance(request, PieceRequest) else "next piece of the source"] += 1
        sink = PieceSink(
            request, self.files, lambda sink: self._arriving(source, sink), lambda size: self._came(source, size)
        )
        source.outstanding[sink] = request
        asked = source.connection.ask(self._message(request), sink)
        asked.addCallbacks(lambda _: self._arrived(source, sink), lambda failure: self._refused(source, sink, failure))
        asked.addErrback(self._broken)

    def _message(self, request: Request) -> Message:
        if not isinstance(request, PieceRequest):
            return GetNext(request.wants)
        content = self.files[request.sha256]
        first, length = piece_range(content.size, request.piece)
        return GetFile(content.name, (first, first + length - 1), request.sha256)

    # what comes

    def _arriving(self, source: Source, sink: PieceSink) -> None:
        assert sink.content is not None
        self._began(sink.content, source.address)
        now = self._reactor.seconds()
        for address in self._picker.started(source.address, sink.content.sha256, sink.piece, now):
            self._cancel(self.sources[address], sink.content, sink.piece)

    def _came(self, source: Source, size: int) -> None:
        source.idle = self._idle = 0
        source.snubbed = source.unresponsive = False
        source.meter.add(size, self._reactor.seconds())
        self.received += size

    def _arrived(self, source: Source, sink: PieceSink) -> None:
        del source.outstanding[sink]
        content = sink.content
        assert content is not None
        size = sum(map(len, sink.parts))
        if content.sha256 not in self._left or sink.piece in content.have:
            self.duplicate += size
        else:
            self._verifier.verify(sink, size, lambda outcome: self._verified(outcome, source, sink))
        self._pump(source)

    def _refused(self, source: Source, sink: PieceSink, failure: Failure) -> None:
        request = source.outstanding.pop(sink, None)
        refused = failure.value if isinstance(failure.value, Refused) else None
        if request is not None and refused is not None and not sink.cancelled:
            self._prospects.lacks(source, request, refused)
            self._check([request.sha256] if isinstance(request, PieceRequest) else ())
        elif request is not None:
            self._lost(source, sink, request)
        if refused is None:
            failure.trap(FetchError)
            self.sources.failed(source, failure.value)  # type: ignore[arg-type]
        self._pump(source)

    def _cancel(self, source: Source, content: Storage, piece: int) -> None:
        for sink, request in source.outstanding.items():
            if request == PieceRequest(content.sha256, piece) and not sink.cancelled and source.connection is not None:
                sink.cancelled = True
                first, length = piece_range(content.size, piece)
                cancelling = source.connection.collect(Cancel(content.sha256, (first, first + length - 1)), 0)
                cancelling.addErrback(lambda failure: failure.trap(FetchError) and None)

    def _verified(self, outcome: Outcome, source: Source, sink: PieceSink) -> None:
        content = sink.content
        assert content is not None
        if self._over or content.sha256 not in self._left:
            return
        if isinstance(outcome, DownloadError):
            self._complete(content, outcome)
        elif not outcome:
            self._hash_failed(source, content, sink.piece)
        elif sink.piece not in content.have:
            source.failures = 0
            self._keep(content, source, sink)

    def _keep(self, content: Storage, source: Source, sink: PieceSink) -> None:
        try:
            content.keep(sink.piece)
        except DownloadError as e:
            self._complete(content, e)
            return
        self._picker.verified(content.sha256, sink.piece)
        self._kept(content, sink.piece, source.address, sink.super_seeded)
        self._verifier.hash_on(content)

    def _hash_failed(self, source: Source, content: Storage, piece: int) -> None:
        self._picker.hash_failed(source.address, content.sha256, piece)
        source.hash_failures += 1
        self.log.warn(
            "{at} sent piece {piece} of {name} with a wrong hash", at=source.address, piece=piece, name=content.name
        )
        corrupt = Corrupt(f"{source.hash_failures} hash failure" + "s" * (source.hash_failures != 1))
        self._prospects.corrupted(source, content.sha256, corrupt)
        if source.hash_failures >= MAX_HASH_FAILURES:
            self.sources.ban(source, corrupt)
        self._pump_all()
        self._check([content.sha256])

    def _pause(self, paused: bool) -> None:
        """Let the sources wait until what came is verified, or no longer."""
        if paused != self._paused and not self._over:
            self._paused = paused
            self.sources.hold(paused)
            self._pump_all()

    # the end

    def _released(self, source: Source) -> None:
        """What is outstanding at `source` may be asked of others."""
        for sink, request in source.outstanding.items():
            self._lost(source, sink, request)
        if not source.is_hopeful:
            self._prospects.lost(source, self._left)
            self._check(self._left)
        self._pump_all()

    def _away(self, source: Source) -> None:
        """Nobody waits for `source` to give its share."""
        self._picker.state.unreachable(source.address)
        self._pump_all()

    def _lost(self, source: Source, sink: PieceSink, request: Request) -> None:
        if sink.content is not None:
            self._picker.release(source.address, sink.content.sha256, sink.piece)
        elif isinstance(request, PieceRequest):
            self._picker.release(source.address, request.sha256, request.piece)

    def _look_after(self) -> None:
        """Each second: try lost sources again, snub those that send nothing, and see whether any is left that helps."""
        self.sources.look_after(reading=not self._paused)
        self._piece_hashes.ask_more()
        self._pump_all()
        self._idle += 1
        if not self._begun or self._verifier.is_busy:
            self._idle = 0  # what is here is still being looked at
            return
        self._check(self._left)
        waiting = any(source.is_hopeful and (source.outstanding or source.unresponsive) for source in self.sources)
        timeout = UNRESPONSIVE_TIMEOUT if waiting else IDLE_TIMEOUT
        if self._idle > timeout:
            for sha256 in list(self._left):
                content = self.files[sha256]
                self._complete(content, TooSlow(f"nothing came for {timeout} s"))

    def _has_no_list(self, source: Source, sha256: str, refused: Refused) -> None:
        self._prospects.lacks_file(source, sha256, refused)
        self._check([sha256])

    def _check(self, files: Iterable[str]) -> None:
        """Let those of `files` fail that no source can give any more."""
        if self._begun and not self._verifier.is_busy:
            for sha256 in self._left.intersection(files):
                error = self._prospects.error_of(sha256)
                if error is not None:
                    self._complete(self.files[sha256], error)

    def _complete(self, content: Storage, error: DownloadError | None) -> None:
        if content.sha256 in self._left and not self._over:
            self._left.remove(content.sha256)
            self._picker.state.unwant(content.sha256)
            self._completed(content, error)
            if not self._left:
                self._stop()
                self._done.callback(None)

    def _stop(self) -> None:
        self._over = True
        if self._tick.running:
            self._tick.stop()
        self.sources.close()

    def _broken(self, failure: Failure) -> None:
        """An error in this program: say so, and end."""
        self.log.failure("in a download", failure)
        for sha256 in list(self._left):
            self._complete(self.files[sha256], DownloadError("an error in this program; its log says more"))
