"""A peer in this process that carries out one Order of the crash server, and then stops."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import globalLogBeginner, textFileLogObserver

from p2p_twisted.peer.downloads.model import Download
from p2p_twisted.peer.settings import PeerSettings
from p2p_twisted.peer.tap import make_peer
from p2p_twisted.web.api.schema import Settings
from tests.support.crash_server import Order, faults_of

POLL = 0.002
reactor: Any = global_reactor


class CrashPeer:
    """A peer for `order`; it writes a byte to `has_begun` when the first download begins."""

    def __init__(self, order: Order, has_begun: int) -> None:
        self._order = order
        self._has_begun = has_begun
        self._faults = faults_of(order)
        self._folder = Path(order.folder)
        state = Path(order.state)
        settings = PeerSettings(
            rs_host="127.0.0.1",
            rs_port=order.rs,
            listen=f"tcp:{order.port}:interface=127.0.0.1",
            state_dir=state,
            download_dir=self._folder,
        )
        log = (state.parent / "peer.log").open("a")
        globalLogBeginner.beginLoggingTo([textFileLogObserver(log)], redirectStandardIO=False)
        self._peer = make_peer(reactor, settings, "p2p-peer", None, Settings([]))
        self._result: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        """Return the members of an Ending when all is done."""
        reactor.callWhenRunning(lambda: Deferred.fromCoroutine(self._carry_out()).addErrback(self._failed))
        reactor.run(installSignalHandlers=False)
        return self._result

    def _failed(self, failure: Any) -> None:
        failure.printTraceback()
        os._exit(1)

    async def _carry_out(self) -> None:
        self._faults.install()
        self._peer.startService()
        while not set(self._order.names) <= {*self._peer.index.names(), *self._peer.library.files}:
            await deferLater(reactor, POLL)
        os.write(self._has_begun, b"!")
        self._faults.is_armed = True
        downloads = [await self._download() for _ in range(self._order.times)]
        self._faults.is_armed = False
        await self._peer.stopService()
        self._result = {
            "downloads": downloads,
            "calls": dict(self._faults.counts),
            "open_files": self._open_files(),
        }
        reactor.stop()

    async def _download(self) -> dict[str, str]:
        manager, order = self._peer.download_manager, self._order
        download = manager.start(order.names, self._folder, order.overwrite, order.swarm)
        while not download.has_ended:
            await deferLater(reactor, POLL)
        return outcome(download)

    def _open_files(self) -> list[str]:
        found = []
        for number in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # the descriptor of the listing is closed by now
                found.append(os.fspath(number.readlink()))
        return [path for path in found if path.startswith(f"{self._folder}/")]


def outcome(download: Download) -> dict[str, str]:
    """Return the error of each file by its name, "" if it is in place."""
    found = {file.name: "" if file.error is None else f"{file.error.kind}: {file.error}" for file in download.files}
    return found or {"": str(download.error)}
