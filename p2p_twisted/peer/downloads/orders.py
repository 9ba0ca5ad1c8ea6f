"""Downloads that outlive the process: those that have not ended are written down, and resumed at the next start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ...events.publisher import Publisher
from ...events.types import DownloadEnded, DownloadStarted, Registered
from ...swarm.errors import NoHolder, PeersFailed
from .manager import DownloadManager
from .model import FAILED, PAUSED, Download
from .order_file import OrderFile

RESUME_WITHIN = 10.0
"""Seconds after the start for which the registration is waited for, before downloads are resumed without it."""
RETRY_PAUSES = (5.0, 15.0, 60.0, 300.0)
"""Seconds before a resumed download is tried again that found no holder: they may have been restarted, too."""


class Orders(Service):
    """Keeps the file of a state folder in step with the downloads of `manager`."""

    log = Logger()

    def __init__(self, clock: IReactorTime, manager: DownloadManager, publisher: Publisher, state_dir: Path) -> None:
        """Read the file, and list what is in it as paused."""
        self._clock = clock
        self._manager = manager
        self._file = OrderFile(state_dir)
        self._is_stopped = False
        self._open: dict[str, Download] = {}
        """What is in the file."""
        self._tries: dict[str, int] = {}
        """How often a download that was resumed has found no holder."""
        self._waiting: list[str] = []
        """Those to be resumed."""
        self._calls: list[IDelayedCall] = []
        self._restore()
        publisher.subscribe(DownloadStarted, self._started)
        publisher.subscribe(DownloadEnded, self._ended)
        publisher.subscribe(Registered, self._resume)

    def _restore(self) -> None:
        for download, is_paused in self._file.load():
            try:
                self._manager.restore(download)
            except ValueError as e:
                self.log.warn("download {id} is not resumed: {why}", id=download.id, why=str(e))
                continue
            self._open[download.id] = download
            if not is_paused:
                self._waiting.append(download.id)

    def startService(self) -> None:
        """Resume what was not paused, when this peer is registered or RESUME_WITHIN seconds have passed."""
        super().startService()
        if self._waiting:
            self._call(RESUME_WITHIN, self._resume)

    def stopService(self) -> None:
        """Stop; what ends from now on does so because the peer stops, and stays in the file."""
        super().stopService()
        self._is_stopped = True
        for call in self._calls:
            if call.active():
                call.cancel()

    def _call(self, seconds: float, act: Callable[..., object], *args: object) -> None:
        self._calls = [call for call in self._calls if call.active()]
        self._calls.append(self._clock.callLater(seconds, act, *args))

    def _resume(self, _: object = None) -> None:
        waiting, self._waiting = self._waiting, []
        for id_ in waiting:
            if self._manager.resume(id_):
                self._tries[id_] = 0

    def _started(self, event: DownloadStarted) -> None:
        download = self._manager.downloads[event.download]
        if download.want is None:  # the want itself goes on
            self._open[event.download] = download
            self._save()

    def _ended(self, event: DownloadEnded) -> None:
        if self._is_stopped or event.download not in self._open:
            return
        if event.state == FAILED and self._try_again(event):
            return
        if event.state != PAUSED:
            self._open.pop(event.download, None)
            self._tries.pop(event.download, None)
        self._save()

    def _try_again(self, event: DownloadEnded) -> bool:
        """Return whether a download that was resumed, and has found no holder, is tried again later."""
        tries = self._tries.get(event.download)
        download = self._open.get(event.download)
        if tries is None or download is None or tries >= len(RETRY_PAUSES):
            return False
        if not any(isinstance(file.error, NoHolder | PeersFailed) for file in download.files):
            return False
        self._tries[event.download] = tries + 1
        self._call(RETRY_PAUSES[tries], self._manager.retry, event.download)
        return True

    def _save(self) -> None:
        if not self._is_stopped:
            waiting = set(self._waiting)
            self._file.save((one, one.state == PAUSED and id_ not in waiting) for id_, one in self._open.items())
