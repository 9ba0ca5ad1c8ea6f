"""Keeps the wants of a peer: looks at them when something changes, fetches what they lack, removes what is gone."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from ...events.publisher import Publisher
from ...events.types import IndexChanged, IndexReceived, RoundStarted, WantChanged
from ...index.holdings import Holdings
from ...library.shared import Library
from ...net.connect import Reactor
from ...swarm.verifier import in_thread
from ...wire.address import Address
from ...wire.changes import Removed
from ...wire.records import IndexRecord
from ..downloads.manager import DownloadManager
from ..peers.discovery import Discovery
from .agenda import Agenda
from .decision import Delete, Fetch, Replace, Stay
from .fetching import Fetching
from .look import BATCH, Judged, Looker, signature_of
from .places import remove
from .progress import Progress
from .want import Want
from .want_file import WantFile
from .withdrawal import Withdrawals

FULL_INTERVAL = 600.0
"""Seconds after which everything is looked at, though nothing is known to have changed: files may be gone."""
QUIET_START = 10.0
"""Seconds after the start in which no file is removed: who has what is to be known first."""
MAX_WAITING = 5_000
"""Documents of a want that may wait to be fetched; others are looked at when these have come."""
CHUNK = 1_000
"""Names that are compared with one another, for those that look alike."""
CONFIRM_TIMEOUT = 10.0
"""Seconds that peers have to answer which are not followed."""


class Keeper(Service):
    """Does what the wants in `file` ask for: `set` are those of the settings. `open` it before it is started."""

    log = Logger()

    def __init__(
        self,
        reactor: Reactor,
        manager: DownloadManager,
        discovery: Discovery,
        library: Library,
        publisher: Publisher,
        file: WantFile,
        now: Callable[[], float],
    ) -> None:
        """`now` gives the monotonic seconds of the index."""
        self.wants: dict[str, Progress] = {}
        """By their ids, the newest last."""
        self._reactor = reactor
        self._discovery = discovery
        self._publisher = publisher
        self._file = file
        self._now = now
        self._looker = Looker(reactor, discovery.index, library, file)
        self._withdrawals = Withdrawals(reactor, file, discovery.index)
        self.fetching = Fetching(manager, file, publisher, now, self._ended)
        self._agenda = Agenda(reactor, self._look)
        self._generation = -1
        self._may_delete = False
        self._calls: dict[str, IDelayedCall] = {}
        publisher.subscribe(IndexChanged, self._changed)
        publisher.subscribe(IndexReceived, lambda _: self._everything())
        publisher.subscribe(RoundStarted, lambda _: self._round())

    def startService(self) -> None:
        """Look at everything, and then at what changes."""
        super().startService()
        self._agenda.start()
        self._agenda.everything()
        self._call("quiet", QUIET_START, self._quiet_is_over)

    def stopService(self) -> None:
        """Stop; what is being fetched comes after the next start, if its downloads are stopped as well."""
        super().stopService()
        self._agenda.stop()
        self.fetching.close()
        self._looker.stop()
        for call in self._calls.values():
            if call.active():
                call.cancel()

    def _call(self, name: str, seconds: float, act: Callable[[], object]) -> None:
        """Call `act` after so many seconds, in place of an earlier call of that name."""
        if name in self._calls and self._calls[name].active():
            self._calls[name].cancel()
        self._calls[name] = self._reactor.callLater(seconds, act)

    def _quiet_is_over(self) -> None:
        self._may_delete = True
        self._everything()

    # wants

    def add(self, want: Want) -> None:
        """Take a want, in place of one with the same id."""
        self.wants[want.id] = Progress(want)
        if want.holder is not None:
            self._discovery.dialler.name([want.holder])
        self._publisher.publish(WantChanged(want.id))
        self._everything()

    def remove(self, want: Want) -> None:
        """Do nothing more for `want`; its files stay."""
        del self.wants[want.id]
        self.fetching.stop(want)
        self._publisher.publish(WantChanged(want.id))

    # what happens

    def _everything(self) -> None:
        if self.wants:
            self._agenda.everything()

    def _round(self) -> None:
        oldest = min((progress.looked_at for progress in self.wants.values()), default=math.inf)
        if self._discovery.index.generation != self._generation or self._now() >= oldest + FULL_INTERVAL:
            self._everything()
        self._ask({one.want.holder for one in self.wants.values() if one.want.holder is not None})

    def _ask(self, addresses: Collection[Address]) -> None:
        """Ask peers what they have, unless they are followed."""
        if addresses and self.running:
            asking = Deferred.fromCoroutine(self._discovery.confirm(list(addresses), CONFIRM_TIMEOUT))
            asking.addErrback(lambda failure: self.log.failure("asking the peers of wants", failure))

    def _changed(self, event: IndexChanged) -> None:
        if not self.wants:
            return
        wants = [progress.want for progress in self.wants.values()]
        self._withdrawals.changed(event, wants, self._now())
        names = {change.name for change in event.changes if isinstance(change, IndexRecord | Removed)}
        self._agenda.names(name for name in names if any(want.matches(name) for want in wants))

    def _ended(self, progress: Progress, names: Sequence[str]) -> None:
        self._agenda.names(names)
        if progress.has_more and self.fetching.count(progress.want) < MAX_WAITING // 2:
            self._agenda.everything()
        self._publisher.publish(WantChanged(progress.want.id))

    # a look

    def _look(self, names: set[str] | None) -> Deferred[None]:
        looking = Deferred.fromCoroutine(self._look_at_all(names))
        looking.addErrback(lambda failure: failure.trap(CancelledError) and None)
        return looking.addErrback(lambda failure: self.log.failure("looking at the wants", failure))

    async def _look_at_all(self, names: set[str] | None) -> None:
        if names is None:
            self._generation = self._discovery.index.generation
        for progress in list(self.wants.values()):
            await self._look_at(progress, names)
        wait = self.fetching.retries.next(self._now()) - self._now()
        if wait < math.inf:
            self._call("retry", wait, self._retry)

    def _retry(self) -> None:
        self._agenda.names(self.fetching.retries.due(self._now()))

    async def _look_at(self, progress: Progress, among: Collection[str] | None) -> None:
        """Look at a want: at the names `among`, at those that have changed (None), or now and then at all."""
        want, now = progress.want, self._now()
        is_thorough = among is None and now >= progress.looked_at + FULL_INTERVAL
        holdings = self._discovery.index.holdings(now)
        seen = progress.seen if among is None and not is_thorough else {}
        names, same = await self._looker.names(want, among, seen, holdings)
        if among is None:
            progress.seen, progress.has_more = same, False
        before = progress.state
        fetch, unlisted = await self._judge(progress, names, holdings)
        if self.wants.get(want.id) is not progress:
            return
        if is_thorough and not progress.has_more:
            progress.looked_at = now
            if want.deletes:
                self._agenda.names(await self._withdrawals.absent(want.directory, unlisted, now))
        self.fetching.add(progress, fetch)
        if progress.state != before:
            self._publisher.publish(WantChanged(want.id))

    async def _judge(
        self, progress: Progress, names: Sequence[str], holdings: Holdings
    ) -> tuple[list[Judged], list[str]]:
        """Decide about `names`, and do it; return what is to be fetched, and what is here though nobody has it."""
        fetch: list[Judged] = []
        unlisted: list[str] = []
        for start in range(0, len(names), CHUNK):
            if len(fetch) >= MAX_WAITING:
                progress.has_more = True
                break
            chunk = names[start : start + CHUNK]
            progress.seen.update((name, signature_of(name, holdings)) for name in chunk)
            chosen = {one.name for one in fetch}
            skipped = await self._looker.skipped(progress.want, chunk, chosen, self._now())
            for name, why in skipped.items():
                progress.stays(name, False, why)
            await self._judge_some(progress, [name for name in chunk if name not in skipped], fetch, unlisted)
        return fetch, unlisted

    async def _judge_some(
        self, progress: Progress, names: Sequence[str], fetch: list[Judged], unlisted: list[str]
    ) -> None:
        """Decide about `names`, and do it; add what is to be fetched to `fetch`, and what nobody has to `unlisted`."""
        for start in range(0, len(names), BATCH):
            for judged in await self._looker.judge(progress.want, names[start : start + BATCH], self._now()):
                self._ask(judged.to_ask)
                if await self._act(progress, judged):
                    fetch.append(judged)
                elif judged.is_here and not judged.is_listed:
                    unlisted.append(judged.name)

    async def _act(self, progress: Progress, judged: Judged) -> bool:
        """Do what was decided about a name; return whether it is to be fetched."""
        want, decision = progress.want, judged.decision
        if self.fetching.is_under_way(want, judged.name):
            return False
        if isinstance(decision, Fetch | Replace):
            key, sha256 = (want.id, judged.name), decision.document.sha256 or ""
            return self.fetching.retries.may_try(key, sha256, self._now())
        self.fetching.forget(want, [judged.name])
        if isinstance(decision, Delete) and not self._may_delete:
            progress.seen.pop(judged.name, None)  # to be looked at again
        elif isinstance(decision, Delete) and want.deletes and judged.stamp is not None:
            if await in_thread(self._reactor, remove, want.directory, judged.name, judged.stamp):
                self.log.info("{name} was removed: its holders have removed it", name=judged.name)
                self._file.forget(want.directory, [judged.name])
                progress.stays(judged.name, False, None)
            return False
        progress.stays(judged.name, judged.is_here, decision.why if isinstance(decision, Stay) else None)
        return False
