"""Pieces, from the request to the disk: `PieceFetcher._fetch` follows one of them."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..events.publisher import Publisher
from ..events.types import HashFailed, PieceHashesKnown, PieceVerified, TransferStarted
from ..net.connect import Reactor
from ..net.errors import FetchError, Refused
from ..wire.ranges import bits
from .errors import Corrupt, DownloadError
from .in_turns import InTurns
from .picker import Picker
from .picker_state import PieceRequest, Request
from .piece_answer import PieceAnswer
from .piece_hashes import PieceHashes
from .prospects import Prospects
from .source import Source
from .source_pool import SourcePool
from .storage import Storage
from .swarm_files import SwarmFiles
from .turns import MIN_PIECES, Turns
from .verifier import Verifier

MAX_HASH_FAILURES = 3
"""Pieces with a wrong hash after which a source is banned."""


class PieceFetcher:
    """Requests the pieces that `picker` chooses, and has them verified and written."""

    log = Logger()

    def __init__(
        self,
        reactor: Reactor,
        files: SwarmFiles,
        sources: SourcePool,
        picker: Picker,
        prospects: Prospects,
        publisher: Publisher,
    ) -> None:
        self.piece_hashes = PieceHashes(reactor, picker.state)
        self.verifier = Verifier(reactor)
        self.duplicate = 0
        """Bytes received of pieces that were here already."""
        self.resumed = False
        """Whether it is known which pieces are here from an earlier run."""
        self.held = False
        """Whether nothing is read, because too much waits to be verified."""
        self._reactor = reactor
        self._files = files
        self._sources = sources
        self._picker = picker
        self._prospects = prospects
        self._publisher = publisher
        self._in_turns = InTurns(reactor, self.fill_requests)
        self._turns = Turns(reactor, files, sources, picker, self)
        self._takes_turns = any(storage.count >= MIN_PIECES for storage in files.storages.values())
        self._typical_size = max(one.piece_size for one in files.storages.values()) if self._takes_turns else None

    # requests

    def fill_requests(self, source: Source) -> None:
        """Have as many requests outstanding at `source` as it can answer soon."""
        if self._files.over or self.held or source.connection is None:
            return
        if self.piece_hashes.needed:
            for storage in self.piece_hashes.to_ask_of(source):
                self.start(self._fetch_piece_hashes(source, storage))
        if source.is_supplied(self._typical_size):
            return
        takes_turns = self._takes_turns and source.takes_turns
        choose = self._picker.next_super_seeded if takes_turns else self._picker.next_request
        while source.has_room(self._typical_size):
            request = choose(source.address, self._reactor.seconds())
            if request is None:
                break
            self.fetch(source, request)
        else:
            return
        if takes_turns:
            self._turns.use(source)

    def fill_all(self, sources: Iterable[Source] | None = None) -> None:
        """Have as many requests outstanding at all `sources` as they can answer soon: of many, some in each turn."""
        self._in_turns.add(self._sources.connected if sources is None else sources)

    def release(self, *sources: Source) -> None:
        """Let others be asked for what is outstanding at `sources`; do not wait for those that are not hopeful."""
        for source in sources:
            for answer in source.outstanding:
                self._release(source, answer)
            if not source.is_hopeful:
                self._prospects.lost(source, self._files.unfinished)
                self.check(self._files.unfinished)
        self.fill_all()

    def _release(self, source: Source, answer: PieceAnswer) -> None:
        if answer.storage is not None:
            self._picker.release(source.address, answer.storage.sha256, answer.piece)

    # one piece

    def fetch(self, source: Source, request: Request) -> None:
        """Fetch a piece: send the request, receive the piece, verify and write it, and publish that it is here."""
        self.start(self._fetch(source, request))

    async def _fetch(self, source: Source, request: Request) -> None:
        connection = source.connection
        answer = source.send(request, self._files.storages)
        try:
            await answer.started
            self._note_start(source, answer)
            await answer.complete
        except FetchError as e:
            del source.outstanding[answer]
            if isinstance(e, Refused):
                self._refused(source, answer, request, e)
            else:
                self._release(source, answer)
                source.disconnect(connection, e)
            self.fill_requests(source)
        else:
            del source.outstanding[answer]
            size, source.piece_seconds = answer.measured
            self._picker.received(source.address, size, source.piece_seconds)
            await self._store(source, answer)

    def _note_start(self, source: Source, answer: PieceAnswer) -> None:
        """Publish a new transfer, and have other sources not send the same piece."""
        assert answer.storage is not None
        source.delay = min(source.delay, self._reactor.seconds() - answer.requested_at)
        sha256 = answer.storage.sha256
        if sha256 not in source.transfers:
            source.transfers.add(sha256)
            self._publisher.publish(TransferStarted(sha256, source.address))
        for address in self._picker.started(source.address, sha256, answer.piece, self._reactor.seconds()):
            self._sources[address].cancel(sha256, answer.piece)

    def _refused(self, source: Source, answer: PieceAnswer, request: Request, why: Refused) -> None:
        if answer.cancelled:
            self._release(source, answer)
        else:
            self._prospects.refused(source, request, why)
            self.check([request.sha256] if isinstance(request, PieceRequest) else ())

    async def _store(self, source: Source, answer: PieceAnswer) -> None:
        """Verify the piece and write it; meanwhile, request more of `source`."""
        storage, piece = answer.storage, answer.piece
        assert storage is not None
        if storage.sha256 not in self._files.unfinished or piece in storage.have:
            self.duplicate += sum(map(len, answer.parts))
            self.fill_requests(source)
            return
        storing = self.verifier.store(storage, piece, answer.parts)
        self._hold_back()
        self.fill_requests(source)
        try:
            right = await storing
            if self._files.over or storage.sha256 not in self._files.unfinished:
                pass
            elif not right:
                self._hash_failed(source, storage, piece)
            elif piece not in storage.have:
                self._keep(source, storage, answer)
        except DownloadError as e:
            self._files.end(storage, e)
        finally:
            self._hold_back()

    def _keep(self, source: Source, storage: Storage, answer: PieceAnswer) -> None:
        """Mark the piece, which is verified and written. Raises DownloadError."""
        source.failures = 0
        storage.keep(answer.piece)
        self._picker.verified(storage.sha256, answer.piece)
        size = storage.piece_range(answer.piece)[1]
        self._publisher.publish(PieceVerified(storage.sha256, answer.piece, size, source.address, answer.super_seeded))
        if storage.complete or storage.can_hash_on:
            self.start(self._files.hash_on(storage, self.verifier))

    def _hash_failed(self, source: Source, storage: Storage, piece: int) -> None:
        """Ask others for the piece; ban `source` if it was one too many."""
        self._picker.hash_failed(source.address, storage.sha256, piece)
        source.hash_failures += 1
        self.log.warn(
            "{at} sent piece {piece} of {name!r} with a wrong hash", at=source.address, piece=piece, name=storage.name
        )
        self._publisher.publish(HashFailed(storage.sha256, piece, source.address))
        corrupt = Corrupt(f"{source.hash_failures} hash failure" + "s" * (source.hash_failures != 1))
        self._prospects.corrupted(source, storage.sha256, corrupt)
        if source.hash_failures >= MAX_HASH_FAILURES:
            self._ban(source, corrupt)
        self.fill_all()
        self.check([storage.sha256])

    def _ban(self, source: Source, why: Corrupt) -> None:
        self._sources.ban(source, why)
        self.release(source)

    def _hold_back(self) -> None:
        """Read nothing more while too much waits to be verified."""
        if self.verifier.is_full != self.held and not self._files.over:
            self.held = not self.held
            self._sources.hold(self.held)
            self.fill_all()

    # whole files

    def want(self, storage: Storage) -> None:
        """Fetch the missing pieces of a file whose piece hashes are known, from the next `fill_all` on."""
        if not self._files.over and storage.sha256 in self._files.unfinished:
            self._publisher.publish(PieceHashesKnown(storage.sha256))
            self._picker.state.want(storage.sha256, storage.count, bits(storage.missing()), storage.piece_range(0)[1])
            if storage.have or storage.complete:
                self.start(self._files.hash_on(storage, self.verifier))

    async def _fetch_piece_hashes(self, source: Source, storage: Storage) -> None:
        """Ask `source` for the piece hashes of a file; fetch its pieces then."""
        connection = source.connection
        try:
            if await self.piece_hashes.fetch(source, storage):
                self.want(storage)
                self.fill_all()
        except Refused as e:
            self._prospects.refused_file(source, storage.sha256, e)
            self.check([storage.sha256])
        except Corrupt as e:
            self._ban(source, e)
        except FetchError as e:
            source.disconnect(connection, e)

    def check(self, files: Iterable[str]) -> None:
        """Let those of `files` fail that no source can give any more, unless what is here is still looked at."""
        if self.resumed and not self.verifier.is_busy:
            self._files.check(files)

    def start(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Start `work`. An error of this program ends all files."""
        Deferred.fromCoroutine(work).addErrback(self._broken)

    def _broken(self, failure: Failure) -> None:
        self.log.failure("in a swarm", failure)
        self._files.end_all(DownloadError("an internal error; the log says more"))
