"""The life of a soak: peers are killed, stopped and started, files change and downloads are ordered, all at random."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from benchmarks.soak.comings import Comings
from benchmarks.soak.disks import Contents, Disk
from benchmarks.soak.orders import MAX_SECONDS, ApiOrder, CommandOrder, Order, find_faults
from benchmarks.soak.record import Record, Version
from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.experiment.run.processes import Member
from p2p_twisted.web.control_client import ControlError

STEP_SECONDS = 0.4
"""From one thing that happens to the next, on the average."""
MAX_ORDERS = 6
"""Under way at the same time."""
BY_HASH = 0.3
"""Share of the orders by name that select a content by its hash."""
SHOWN = 5
"""Faults of one order that are listed."""


class Life:
    """Lets things happen in ``cluster``, whose peers run; ``faults`` are those found so far."""

    def __init__(self, cluster: Cluster, record: Record, random: Random) -> None:
        self.faults: list[str] = []
        self.orders: list[Order] = []
        """All that were given."""
        self._cluster = cluster
        self._record = record
        self._random = random
        contents = Contents(random)
        self.disks = {peer.role: Disk(peer, record, contents, random) for peer in cluster.peers}
        self.contents = contents
        self.comings = Comings(cluster, record, random)
        self._open: list[CommandOrder | ApiOrder] = []
        self._acts: dict[Callable[[], None], float] = {
            self._on_a_disk(Disk.add): 3,
            self._on_a_disk(Disk.remove): 2,
            self._on_a_disk(Disk.rename): 2,
            self._on_a_disk(Disk.change): 2,
            self._on_a_disk(Disk.touch): 3,
            self._on_a_disk(Disk.touch_all): 0.3,
            self._order_all: 2,
            self._order_some: 4,
            self.comings.kill: 0.5,
            self.comings.stop: 0.5,
            self.comings.suspend: 0.3,
            self.comings.kill_rs: 0.15,
        }

    @property
    def running(self) -> list[Member]:
        """The peers that run."""
        return self.comings.running

    def go_on(self, seconds: float) -> None:
        """Let things happen for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self._random.uniform(0, 2 * STEP_SECONDS))
            act = self._random.choices(list(self._acts), list(self._acts.values()))[0]
            act()
            self._look()

    def calm_down(self) -> None:
        """Let the orders end, and start all peers again; now and then, one that has stopped stays away."""
        while self._open:
            time.sleep(STEP_SECONDS)
            self._look()
        self.comings.start_all()

    def close(self) -> None:
        """Wait for nothing more."""
        self.comings.wake_all()
        for order in self._open:
            order.stop()

    # what happens

    def _on_a_disk(self, act: Callable[[Disk], None]) -> Callable[[], None]:
        return lambda: act(self._random.choice(list(self.disks.values())))

    def _order_all(self) -> None:
        self._order(self._random.choice(self.running), ())

    def _order_some(self) -> None:
        """Order one to three names that others have and the downloader lacks, now and then one content by its hash."""
        downloader = self._random.choice(self.running)
        own = {name for name, _ in self.disks[downloader.role].paths()}
        others = {
            document for role in [peer.role for peer in self.running] for document in self._record.documents(role)
        }
        found = sorted((name, version.sha256[:8]) for name, version in others if name not in own)
        if found:
            chosen = self._random.sample(found, min(len(found), self._random.randint(1, 3)))
            by_hash = self._random.random() < BY_HASH
            self._order(
                downloader, tuple(dict.fromkeys(f"{name}@{hash_}" if by_hash else name for name, hash_ in chosen))
            )

    def _order(self, downloader: Member, names: tuple[str, ...]) -> None:
        if len(self._open) >= MAX_ORDERS:
            return
        order = Order(len(self.orders) + 1, downloader.role, names, self._record.now())
        self.orders.append(order)
        self._record.note(f"{order}")
        try:
            given = (
                ApiOrder(order, downloader)
                if self._random.random() < 0.3
                else CommandOrder(order, downloader, self._cluster.folder)
            )
        except ControlError as error:
            self.faults.append(f"{order}: {error}")
            return
        self._open.append(given)

    # what became of it

    def _look(self) -> None:
        for role in self.comings.start_due():
            self._note_files(role, self.disks[role].files())
        for given in list(self._open):
            order = given.order
            if self.comings.is_suspended(order.downloader):
                continue
            order.is_late = self._record.now() - order.start > MAX_SECONDS
            if given.is_over() or order.is_late:
                self._open.remove(given)
                given.stop()
                self._finish(order)

    def _finish(self, order: Order) -> None:
        order.end = self._record.now()
        states = [file["state"] for file in order.download["files"]] if order.download else ["none"]
        self._record.note(f"{order}: over, {', '.join(sorted(set(states)))}")
        here = self.disks[order.downloader].files()
        found = list(find_faults(order, self._record, here))
        self.faults += found[:SHOWN]
        if len(found) > SHOWN:
            self.faults.append(f"{order}: and {len(found) - SHOWN} more")
        self._note_files(order.downloader, here)

    def _note_files(self, role: str, files: dict[str, Version]) -> None:
        """Put what a peer has fetched, and what is on its disk by now, into the record."""
        known = dict(self._record.documents(role))
        for name, version in files.items():
            if known.get(name) != version:
                self._record.held(role, name, version)
