"""The peers that fetch: orders given to them over their control API, watched, and read out. Times are Unix seconds."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...web.client import ControlError
from ..plan.tasks import Order
from ..results import Arrival, Sample, Transfer
from .processes import ClusterError, Member

MOST_DOCUMENTS = 1000
"""As many as one answer of the API lists."""
LOOK = 1.0
"""Seconds between questions to a peer about an order whose progress shows on its disk."""
DECIMALS = 4
"""Decimal places of a time: a tenth of a millisecond, below which the clocks of processes say nothing."""
THERE = ("done", "there")
"""The states of a file that is whole and in place."""
TRIES = 3
"""How often a peer is told to fetch what it could not get."""


class Downloader:
    """One peer and its order, of documents of ``sizes`` (bytes, by name).

    Without ``swarm`` documents come from ``holders`` alone, addresses as ``host:port``, while there are no ``faults``;
    with them, what failed is asked of anybody.
    """

    def __init__(
        self, member: Member, order: Order, sizes: Mapping[str, int], swarm: bool, holders: Sequence[str], faults: bool
    ) -> None:
        self.member = member
        self.order = order
        self.downloads: list[dict[str, Any]] = []
        """The orders so far, as the API showed them last."""
        self.over = False
        self._sizes = sizes
        self._swarm = swarm
        self._holders = holders
        self._tries = TRIES if faults else 1
        self._id: str | None = None
        self._looked = 0.0
        self._unseen = list(order.names)
        self._bytes = 0
        self._files = 0

    def begin(self) -> None:
        """Give the order. Raises ControlError."""
        self._give(self.order.names, () if self._swarm else self._holders)

    @property
    def begun(self) -> float:
        """When it began, by its own word once it has been asked."""
        started: float = self.downloads[0]["started"]
        return started

    def look(self, pause: float = LOOK) -> None:
        """See how it stands: on disk, and by asking when all seems to be there or ``pause`` is over.

        Raises ClusterError when the peer does not answer.
        """
        if self.over or self._id is None or (not self._all_seen() and time.monotonic() - self._looked < pause):
            return
        try:
            download = self._read()
        except ControlError as error:
            self.member.status()  # says by itself how the process ended, if it did
            raise ClusterError(f"{self.member.role}: {error}") from error
        if download["ended"] is None:
            return
        lacking = [file["name"] for file in download["files"] if file["state"] not in THERE]
        if lacking and len(self.downloads) < self._tries:
            self._give(lacking, ())
        else:
            self.over = True

    def lacking(self) -> set[str]:
        """Return the documents that are not in place yet."""
        return {name for name in self.order.names if not (self.member.download_dir / name).exists()}

    def sample(self, now: float) -> Sample:
        """The bytes of documents it has fetched, and how many of those are whole."""
        return Sample(self.member.role, round(now, DECIMALS), self._bytes, self._files)

    def read(self) -> None:
        """Read out how the order stands; what cannot be read is as it was."""
        if self._id is not None and not self.over:
            self.member.control.close()  # a call may have been cut short by Ctrl-C
            try:
                self._read()
            except ControlError:
                pass

    def lost(self, for_good: bool) -> None:
        """The process was killed; ``for_good``, or it is told to go on once it is back: ``resume``."""
        self._id = None
        self.over = self.over or for_good

    def resume(self) -> None:
        """The process is back: order what is lacking. Raises ControlError."""
        there = {arrival.file for arrival in arrivals(self, 0.0)}
        if lacking := [name for name in self.order.names if name not in there]:
            self._give(lacking, ())
        else:
            self.over = True

    def _give(self, names: Sequence[str], holders: Sequence[str]) -> None:
        body: dict[str, Any] = {"names": list(names), "swarm": self._swarm}
        if holders:
            body["from"] = list(holders)
        self._id = self.member.control.post("downloads", body)["id"]
        self._looked = time.monotonic()
        self.downloads.append({"files": [], "started": time.time(), "ended": None})

    def _all_seen(self) -> bool:
        while self._unseen and (self.member.download_dir / self._unseen[0]).exists():
            name = self._unseen.pop(0)
            if not self._swarm:  # else the API tells of parts, too
                self._bytes += self._sizes[name]
                self._files += 1
        return not self._unseen

    def _read(self) -> dict[str, Any]:
        self._looked = time.monotonic()
        download: dict[str, Any] = self.member.control.get(f"downloads/{self._id}")
        self.downloads[-1] = download
        if self._swarm:
            before = [file for one in self.downloads[:-1] for file in one["files"] if file["state"] in THERE]
            self._bytes = sum(file["got"] for file in before) + download["bytes_done"]
            self._files = len(before) + sum(file["state"] in THERE for file in download["files"])
        return download


def begin_together(downloaders: Sequence[Downloader]) -> float:
    """Give all orders at the same instant, from as many threads; returns when the first was. Raises ControlError."""
    barrier = threading.Barrier(len(downloaders))

    def begin(downloader: Downloader) -> float:
        barrier.wait()
        at = time.time()
        downloader.begin()
        return at

    with ThreadPoolExecutor(len(downloaders)) as pool:
        return min(pool.map(begin, downloaders))


def transfers(downloader: Downloader, roles: Mapping[str, str], start: float) -> list[Transfer]:
    """What came from whom; ``roles`` are the peers by their addresses, ``start`` is when the run began."""
    return [
        Transfer(
            downloader.member.role,
            file["name"],
            roles.get(address, address),
            part["bytes"],
            round(part["started"] - start, DECIMALS),
            round((part["ended"] or part["started"]) - start, DECIMALS),
        )
        for download in downloader.downloads
        for file in download["files"]
        for address, part in file["sources"].items()
    ]


def arrivals(downloader: Downloader, start: float) -> list[Arrival]:
    """What is whole and in place, in the order in which that came to be."""
    found = {
        file["name"]: Arrival(
            downloader.member.role, file["name"], file["size"], round(file["ended"] - start, DECIMALS)
        )
        for download in reversed(downloader.downloads)
        for file in download["files"]
        if file["state"] in THERE
    }
    return sorted(found.values(), key=lambda arrival: arrival.at)


def garbage(downloaders: Iterable[Downloader], roles: Mapping[str, str]) -> dict[str, int]:
    """Return how many pieces of each peer were wrong, of those that had any; ``roles``: see ``transfers``."""
    found: Counter[str] = Counter()
    for downloader in downloaders:
        for download in downloader.downloads:
            for source in download.get("sources", ()):
                address = f"{source['host']}:{source['port']}"
                found[roles.get(address, address)] += source["wrong_pieces"]
    return {role: pieces for role, pieces in found.items() if pieces}


def failures(downloader: Downloader) -> dict[str, str]:
    """Why it has not what it has not, by name."""
    there = {arrival.file for arrival in arrivals(downloader, 0.0)}
    reasons = {
        file["name"]: file["error"]["text"]
        for download in downloader.downloads
        for file in download["files"]
        if file["error"] is not None
    }
    unknown = "it had not come when the run ended"
    return {name: reasons.get(name, unknown) for name in downloader.order.names if name not in there}


def heard(peer: Member) -> set[tuple[str, str]]:
    """The names that ``peer`` knows of, each with the address of a holder. Raises ControlError."""
    items = peer.control.get("index", limit=MOST_DOCUMENTS)["items"]
    return {(item["name"], f"{holder['host']}:{holder['port']}") for item in items for holder in item["holders"]}
