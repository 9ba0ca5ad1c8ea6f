"""The supervisor of an RS with several workers: processes that serve one port, and share one registry.

The supervisor accepts no connection of a peer and has no registry. It opens the port, keeps the workers running, passes
signals on to them, and answers the control API with what they answer. A worker is an RS like any other, whose state
folder is ``workers/NUMBER`` in that of the supervisor; it ends when the supervisor ends, however that ends.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall

from .. import __version__
from ..config.settings import SettingsOptions
from ..net.shared_port import SharedPort
from ..web.api.rs_schema import PeerRecordPage, PeerRecordView, RsStatus
from ..web.control_client import SOCKET_FILE
from ..web.forwarding import CallFailed, CallRefused
from ..web.http.errors import ApiError
from ..web.metrics import Family
from ..web.service import check_socket_path
from .metrics import families
from .summed import SummedStatus
from .workers import WorkerSeat, worker_command

WORKERS_FOLDER = "workers"
ASK_INTERVAL = 1
"""Seconds between two looks at the workers."""


def worker_seats(reactor: Any, options: SettingsOptions, port: SharedPort) -> list[WorkerSeat]:
    """Return the seats of as many workers as the `options` say. Raises OSError, and StartError for too long a path."""
    folders = [options["state-dir"] / WORKERS_FOLDER / str(number + 1) for number in range(options["workers"])]
    check_socket_path(folders[-1] / SOCKET_FILE)
    return [
        WorkerSeat(reactor, number, worker_command(options, folder), folder, port)
        for number, folder in enumerate(folders, 1)
    ]


class Supervisor(MultiService):
    """The supervisor as a service; the control API is added to it."""

    def __init__(self, reactor: Any, ttl: int, seats: Sequence[WorkerSeat]) -> None:
        """`ttl`: seconds, the one that the workers give."""
        super().__init__()
        self._reactor = reactor
        self._ttl = ttl
        self._seats = seats
        self._summed = SummedStatus()
        self._began = 0.0
        self._asking = LoopingCall(lambda: Deferred.fromCoroutine(self._ask_all()))
        self._asking.clock = reactor

    def startService(self) -> None:
        """Start the workers."""
        self._began = self._reactor.seconds()
        super().startService()
        for seat in self._seats:
            seat.start(self._summed.ended)
        self._asking.start(ASK_INTERVAL, now=False)

    def stopService(self) -> Deferred[None]:
        """Stop the workers, then the control API."""
        self._asking.stop()
        stopping = DeferredList([seat.stop() for seat in self._seats])
        return stopping.addCallback(lambda _: MultiService.stopService(self))

    def hang_up(self) -> None:
        """Pass SIGHUP on."""
        for seat in self._seats:
            seat.signal(signal.SIGHUP)

    async def _ask_all(self) -> None:
        """Learn the status of each worker; one that does not answer in time has its last one, until it has ended."""
        answers = [(seat.number, Deferred.fromCoroutine(seat.calls.get("status"))) for seat in self._seats]
        for number, answer in answers:
            try:
                self._summed.put(number, RsStatus(**await answer))
            except (CallFailed, TypeError):  # a worker of a later version may have a status of another kind
                continue

    async def status(self) -> RsStatus:
        """Return the status of all workers together."""
        await self._ask_all()
        return self._summed.status(__version__, int(self._reactor.seconds() - self._began), self._ttl)

    async def metrics(self) -> list[Family]:
        """Return the metrics of all workers together."""
        return families(await self.status())

    def why_not_ready(self) -> str | None:
        """Return why no worker can register peers at the moment; None if one can."""
        return self._summed.problem()

    def counts(self) -> dict[str, float]:
        """Return the numbers since the start of all workers together, as they were when last asked."""
        return self._summed.counts()

    async def peers(self, query: Mapping[str, str], limit: int, offset: int) -> PeerRecordPage:
        """Return the peer records that match `query`, from the first worker that answers. Raises ApiError."""
        asked = {name: value for name, value in query.items() if name not in ("limit", "offset")}
        for seat in self._seats:
            try:
                page = await seat.calls.get("peers", **asked, limit=limit, offset=offset)
            except CallRefused as refused:
                raise ApiError(refused.status, refused.text) from None
            except CallFailed:
                continue
            return PeerRecordPage(page["total"], [PeerRecordView(**item) for item in page["items"]])
        raise ApiError(503, "no worker answers")
