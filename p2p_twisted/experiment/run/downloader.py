"""A peer that downloads: orders given to it over its control API, and their progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...web.control_client import ControlError
from ..plan.orders import Order
from ..results import Sample
from .processes import ClusterError, Member

CHECK_INTERVAL = 1.0
"""Seconds between requests to a peer for the state of a download whose progress shows on its disk."""
DECIMALS = 4
"""Decimal places of a time: the clocks of different processes do not agree to less than a tenth of a millisecond."""
COMPLETE = ("done", "there")
"""The states of a file that is whole and in place."""
MAX_ATTEMPTS = 3
"""Maximum number of retries of documents that a peer could not get."""


class Downloader:
    """One peer and its order, of documents of ``sizes`` (name -> bytes).

    Without ``swarm``, documents come from ``holders`` alone (addresses as ``host:port``). In a run with ``faults``,
    documents that failed are ordered again, from any peer.
    """

    def __init__(
        self, member: Member, order: Order, sizes: Mapping[str, int], swarm: bool, holders: Sequence[str], faults: bool
    ) -> None:
        self.member = member
        self.order = order
        self.downloads: list[dict[str, Any]] = []
        """The downloads so far, as the API showed them last."""
        self.over = False
        self._sizes = sizes
        self._swarm = swarm
        self._holders = holders
        self._attempts = MAX_ATTEMPTS if faults else 1
        self._id: str | None = None
        self._checked_at = 0.0
        self._unseen = list(order.names)
        self._bytes = 0
        self._files = 0

    @property
    def started(self) -> float:
        """The Unix time at which the peer started the first download."""
        started: float = self.downloads[0]["started"]
        return started

    @property
    def arrived(self) -> set[str]:
        """The documents that are whole and in place, as the API showed them last."""
        return {file["name"] for one in self.downloads for file in one["files"] if file["state"] in COMPLETE}

    def start(self) -> None:
        """Give the order. Raises ControlError."""
        self._order(self.order.names, () if self._swarm else self._holders)

    def check(self, interval: float = CHECK_INTERVAL) -> None:
        """Look at the disk, and ask the peer once all documents are there, or ``interval`` seconds have passed.

        Raises ClusterError if the peer does not answer.
        """
        if self.over or self._id is None:
            return
        if not self._all_on_disk() and time.monotonic() - self._checked_at < interval:
            return
        try:
            download = self._request()
        except ControlError as error:
            self.member.status()  # raises by itself, with the last line of the log, if the process has ended
            raise ClusterError(f"{self.member.role}: {error}") from error
        if download["ended"] is None:
            return
        failed = [file["name"] for file in download["files"] if file["state"] not in COMPLETE]
        if failed and len(self.downloads) < self._attempts:
            self._order(failed, ())
        else:
            self.over = True

    def missing(self) -> set[str]:
        """Return the documents that are not in place on the disk yet."""
        return {name for name in self.order.names if not (self.member.download_dir / name).exists()}

    def sample(self, now: float) -> Sample:
        """Return the bytes of documents that it has downloaded so far, and the number of whole ones."""
        return Sample(self.member.role, round(now, DECIMALS), self._bytes, self._files)

    def refresh(self) -> None:
        """Ask the peer for the state of its download; if it does not answer, keep the last one."""
        if self._id is not None and not self.over:
            self.member.control.close()  # Ctrl-C may have interrupted a call
            try:
                self._request()
            except ControlError:
                pass

    def killed(self, for_good: bool) -> None:
        """Take note that the process was killed, ``for_good`` or until ``resume``."""
        self._id = None
        self.over = self.over or for_good

    def resume(self) -> None:
        """Order what is missing from the process, which was restarted. Raises ControlError."""
        there = self.arrived
        if missing := [name for name in self.order.names if name not in there]:
            self._order(missing, ())
        else:
            self.over = True

    def _order(self, names: Sequence[str], holders: Sequence[str]) -> None:
        body: dict[str, Any] = {"names": list(names), "swarm": self._swarm}
        if holders:
            body["from"] = list(holders)
        self._id = self.member.control.post("downloads", body)["id"]
        self._checked_at = time.monotonic()
        self.downloads.append({"files": [], "started": time.time(), "ended": None})

    def _all_on_disk(self) -> bool:
        while self._unseen and (self.member.download_dir / self._unseen[0]).exists():
            name = self._unseen.pop(0)
            if not self._swarm:  # else the API counts parts of documents too
                self._bytes += self._sizes[name]
                self._files += 1
        return not self._unseen

    def _request(self) -> dict[str, Any]:
        self._checked_at = time.monotonic()
        download: dict[str, Any] = self.member.control.get(f"downloads/{self._id}")
        self.downloads[-1] = download
        if self._swarm:
            before = [file for one in self.downloads[:-1] for file in one["files"] if file["state"] in COMPLETE]
            self._bytes = sum(file["got"] for file in before) + download["bytes_done"]
            self._files = len(before) + sum(file["state"] in COMPLETE for file in download["files"])
        return download


def start_together(downloaders: Sequence[Downloader]) -> float:
    """Give all orders at the same moment, each in its own thread; return the time of the first. Raises ControlError."""
    barrier = threading.Barrier(len(downloaders))

    def start(downloader: Downloader) -> float:
        barrier.wait()
        at = time.time()
        downloader.start()
        return at

    with ThreadPoolExecutor(len(downloaders)) as pool:
        return min(pool.map(start, downloaders))
