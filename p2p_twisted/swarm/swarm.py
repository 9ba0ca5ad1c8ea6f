"""A swarm: fetches files from many sources at once, piece by piece.

The swarm finds out which pieces are missing, keeps its sources connected, and looks after them each second; its
`PieceFetcher` (piece_fetcher.py) takes each piece from the request to the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Set
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from ..events.publisher import Publisher
from ..net.connect import Reactor
from ..net.errors import FetchError
from ..wire.address import Address
from ..wire.ranges import Bits
from .errors import DownloadError, NoProgress
from .picker import SMALL_ENDGAME_DELAY, Picker
from .piece_fetcher import PieceFetcher
from .prospects import Prospects
from .sites import SiteBytes, Sites
from .snubbing import Snubbing
from .source import Connection, Source
from .source_pool import SourcePool
from .starvation import STEP, Starvation
from .storage import Storage, resume_some
from .swarm_files import SwarmFiles
from .turns import MIN_PIECES
from .verifier import in_thread

IDLE_TIMEOUT = 30
"""Seconds without a byte from any source after which the files have failed, if nothing is outstanding."""
STARVED_GROWTH = 16
"""Factor by which the number of sources that are asked for piece hashes grows in each step of starvation."""
UNRESPONSIVE_TIMEOUT = 90
"""The same if something is outstanding: the process of the source, or its machine, may have been suspended."""


class Swarm:
    """Fetches `files`, and publishes the events of a swarm (events/types.py).

    `connect` makes a connection to a peer, or raises a SourceError; `rank` orders the sources: the lowest is connected
    to first. Without `sites` it does not matter where sources are.
    """

    def __init__(
        self,
        reactor: Reactor,
        files: Iterable[Storage],
        connect: Callable[[Address], Awaitable[Connection]],
        rank: Callable[[Address], int],
        publisher: Publisher,
        sites: Sites | None = None,
    ) -> None:
        random = Random()
        picker = Picker(random, sites)
        self.sources = SourcePool(reactor, connect, rank, picker.state.is_seed, random, publisher)
        self._reactor = reactor
        self._state = picker.state
        self._prospects = Prospects(reactor, picker, self.sources)
        self._files = SwarmFiles(files, picker.state, self._prospects)
        self._fetcher = PieceFetcher(reactor, self._files, self.sources, picker, self._prospects, publisher)
        self._picker = picker
        self._starvation = Starvation()
        self._snubbing = Snubbing(reactor, self.sources, publisher)
        if sites is not None:
            sites.is_usable = self.sources.is_usable
        self._calls = {LoopingCall(self._tick): 1, LoopingCall(self._step): STEP}
        """What is called at intervals, and the seconds between."""
        if all(storage.count < MIN_PIECES for storage in self.files.values()):
            picker.all_small = True
            self._calls[LoopingCall(self._look_again)] = SMALL_ENDGAME_DELAY
        self._idle = 0
        """Ticks since the last byte from any source."""
        self._received_before = 0

    # its files

    @property
    def files(self) -> dict[str, Storage]:
        """All files, by their hash."""
        return self._files.storages

    @property
    def unfinished(self) -> Set[str]:
        """The hashes of the files that are neither complete nor failed."""
        return self._files.unfinished

    @property
    def received(self) -> int:
        """Bytes of pieces received."""
        return sum(source.meter.total for source in self.sources)

    @property
    def by_site(self) -> SiteBytes | None:
        """Bytes of pieces received by the site of their source; None without sites."""
        received = {source.address: source.meter.total for source in self.sources}
        return None if self._picker.sites is None else self._picker.sites.count(received, self._state)

    @property
    def duplicate(self) -> int:
        """Bytes received of pieces that were here already."""
        return self._fetcher.duplicate

    def finished(self, sha256: str) -> Deferred[None]:
        """Return a Deferred that fires when the file is complete and right, or fails with its DownloadError.

        To be called before that. It never fires if the swarm is cancelled.
        """
        return self._files.finished(sha256)

    @property
    def is_busy(self) -> bool:
        """Whether what is here is still being looked at."""
        return not self._fetcher.resumed or self._fetcher.verifier.is_busy

    def give_up(self, error: DownloadError) -> None:
        """Let all unfinished files fail with `error`."""
        self._files.end_all(error)

    def run(self) -> Deferred[None]:
        """Start. Fires when every file is complete or has failed; cancelling it stops the swarm as it is."""
        self._files.all_ended.addCallback(lambda _: self._stop())
        done: Deferred[None] = Deferred(lambda _: self._stop())
        self._files.all_ended.addCallback(done.callback)
        for looping, interval in self._calls.items():
            looping.clock = self._reactor
            looping.start(interval, now=False)
        self._fetcher.start(self._resume())
        return done

    def _stop(self) -> None:
        self._files.over = True
        for looping in self._calls:
            if looping.running:
                looping.stop()
        self.sources.close()

    async def _resume(self) -> None:
        """Verify what earlier runs left of the files, and have the rest fetched."""
        left = deque(self.files.values())
        while left:
            for storage, error in await in_thread(self._reactor, resume_some, left):
                if error is not None:
                    self._files.end(storage, error)
                elif storage.digests is None:
                    self._fetcher.piece_hashes.need(storage)
                else:
                    self._fetcher.want(storage)
            self._fetcher.fill_all()
        self._fetcher.resumed = True
        self._fetcher.fill_all()

    def _look_again(self) -> None:
        """Request small files for which a time has passed: those left over at the end, or put off by a source."""
        for source in self.sources.idle if self._state.unrequested else self.sources.connected:
            self._fetcher.fill_requests(source)

    # its sources

    def add_seed(self, address: Address, sha256: str) -> None:
        """Note that the peer at `address` has had the whole file since before the swarm began."""
        self._state.add_seed(address, sha256)
        self._add_source(address)

    def add_complete(self, address: Address, sha256: str) -> None:
        """Note that the peer at `address` has the whole file by now."""
        self._state.add_complete(address, sha256)
        self._add_source(address)

    def add_pieces(self, address: Address, sha256: str, pieces: Bits) -> None:
        """Note that the peer at `address` has these pieces of the file."""
        self._state.add_pieces(address, sha256, pieces)
        self._add_source(address)

    def remove(self, address: Address, sha256: str) -> None:
        """Note that the peer at `address` has announced that it no longer has the file."""
        self._prospects.removed(address, sha256)
        self._fetcher.check([sha256])

    def _add_source(self, address: Address) -> None:
        if address in self.sources:
            self.sources.hurry(self.sources[address])
            for source in self.sources.idle if self._picker.all_small else ():
                self._fetcher.fill_requests(source)  # it may have the same
            self._fetcher.fill_requests(self.sources[address])
        else:
            self._fetcher.start(self._use(self.sources.add(address)))

    async def _use(self, source: Source) -> None:
        """Keep `source` connected and busy until it is banned, or the swarm is over."""
        while source.banned is None:
            try:
                await self.sources.connect(source)
                self._fetcher.fill_requests(source)
                why = await source.lost
            except FetchError as e:
                why = e
                self._state.unreachable(source.address)
            if self._files.over:
                return
            self.sources.lost(source, why)
            self._fetcher.release(source)

    # at intervals

    def _step(self) -> None:
        """Try ever more sources while none of them sends anything."""
        if not self._fetcher.resumed or self._fetcher.held or self._fetcher.verifier.is_busy:
            self._starvation.rest()
        else:
            self._starvation.step(self.received, len(self.sources))
        self._picker.copies = self._starvation.copies
        if self._starvation.level:
            self.sources.widen()
            self._fetcher.piece_hashes.widen(STARVED_GROWTH)
        else:
            self.sources.narrow()
        if self._starvation.has_been and not self._fetcher.held and (silent := self._snubbing.snub_silent(2 * STEP)):
            self._fetcher.release(*silent)

    def _tick(self) -> None:
        """Try lost sources again, snub those that send nothing, and fail if nothing helps any more."""
        self.sources.tick()
        self._fetcher.piece_hashes.widen()
        snubbed = [] if self._fetcher.held else self._snubbing.snub_idle()
        due = None if self._fetcher.piece_hashes.needed else self._prospects.due()
        if snubbed:
            self._fetcher.release(*snubbed)
        else:
            self._fetcher.fill_all(due)
        self._fetcher.check(self.unfinished)
        self._check_idle()

    def _check_idle(self) -> None:
        received = self.received
        self._idle = self._idle + 1 if received == self._received_before else 1
        self._received_before = received
        if self.is_busy:
            self._idle = 0
            return
        is_awaited = any(source.is_hopeful and (source.is_awaited or source.unresponsive) for source in self.sources)
        timeout = UNRESPONSIVE_TIMEOUT if is_awaited else IDLE_TIMEOUT
        if self._idle > timeout:
            self.give_up(NoProgress(f"nothing was received for {timeout} s"))
