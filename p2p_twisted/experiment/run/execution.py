"""One run: real peers carry out a plan, are watched until all are done, and every copy is verified."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...web.control_client import ControlError
from ..plan.faults import Schedule
from ..plan.orders import Order
from ..results import Event, LinkBytes, Run, Sample
from ..trace.merge import merge
from ..trace.messages import write_trace
from .cluster import Cluster, holdings_known_to, wait_until
from .downloader import CHECK_INTERVAL, Downloader, start_together
from .fault_injection import FaultInjector, corrupt_files
from .observations import Case, Observations
from .places import Place
from .processes import ClusterError, Member
from .processors import Processors

DISK_CHECK_INTERVAL = 0.02
"""Seconds between looks at the disks of the peers."""
REQUEST_INTERVAL = 0.05
"""Seconds between requests to any two peers when the disks do not show everything: pieces of a swarm, failures."""
INDEX_TIMEOUT = 15.0
"""Seconds in which the peers must learn what the first phase moved."""
LOSS_CHECK_DELAY = 2.0
"""Seconds after a kill in which data that the victim had sent is still verified and put in place."""
RUN_TIMEOUT = 60.0
"""Seconds beyond ten times the bound after which a run is given up."""

OnProgress = Callable[[Sequence[Sample], Sequence[Event]], object]
"""Called many times a second during a run, with the progress of each downloader and the events so far."""


class Execution:
    """Carries out ``case`` once, as run number ``repeat``, at ``place``."""

    def __init__(
        self, case: Case, place: Place, repeat: int, on_progress: OnProgress, trace: Path | None = None
    ) -> None:
        self._case = case
        self._place = place
        self._repeat = repeat
        self._on_progress = on_progress
        self._trace = trace
        self._observed = Observations(case)
        self._cluster: Cluster
        self._fault_injector: FaultInjector
        self._next_loss_check = 0.0

    def run(self) -> Run:
        """Start all processes, carry out the plan, stop all processes; Ctrl-C ends the run early.

        Raises ClusterError, and KeyboardInterrupt if there is no result yet.
        """
        self._cluster = Cluster(self._case.peers, self._place.launcher, self._options)
        with self._cluster:
            interrupted = False
            try:
                self._prepare()
                self._run_phases()
            except KeyboardInterrupt:
                if not self._observed.started:
                    raise
                interrupted = True
                for downloader in self._observed.downloaders:
                    downloader.refresh()
            except ControlError as error:
                raise ClusterError(str(error)) from error
            run = self._observed.as_run(self._repeat, self._living(), interrupted)
            return run if self._trace is None else self._with_trace(run, self._trace)

    def _options(self, role: str) -> Sequence[str]:
        """Return the options of a process; its trace is in the folder of the cluster until it is merged."""
        traced = () if self._trace is None else ("--trace", str(self._trace_of(role)))
        return (*self._place.options(role), *traced)

    def _trace_of(self, role: str) -> Path:
        return self._cluster.folder / f"{role}.jsonl"

    def _with_trace(self, run: Run, path: Path) -> Run:
        """Write the messages of all processes so far to `path`."""
        path.parent.mkdir(exist_ok=True)
        write_trace(path, merge({member.role: self._trace_of(member.role) for member in self._cluster.members}))
        return replace(run, trace=f"{path.parent.name}/{path.name}")

    def _prepare(self) -> None:
        """Fill the share folders, start all processes, wait until all peers know all documents, corrupt some peers."""
        plan, faults = self._case.plan, self._case.faults
        for role, names in {**plan.holdings, **dict.fromkeys(faults.corrupt, tuple(plan.sizes))}.items():
            self._case.originals.give(self._cluster[role], names)
        self._cluster.start()
        self._cluster.wait_for_documents(len(plan.sizes))
        for peer in self._cluster.peers:
            status = peer.control.get("status")
            self._observed.roles[f"{status['host']}:{status['port']}"] = peer.role
        for role in faults.corrupt:
            corrupt_files((self._cluster[role].share_dir / name for name in plan.sizes), self._case.random_seed)

    def _run_phases(self) -> None:
        plan, observed = self._case.plan, self._observed
        last = [order.downloader for order in plan.phases[-1]]
        schedule = Schedule(self._case.faults, last, self._case.random_seed)
        self._fault_injector = FaultInjector(self._cluster, schedule, self._on_fault)
        observed.killed = self._fault_injector.killed
        observed.processors = _processors_of(self._cluster)
        before = self._place.links()
        for phase in plan.phases:
            if observed.started:
                self._wait_for_index(phase)
            downloaders = [self._downloader(order) for order in phase if order.downloader not in observed.killed]
            if downloaders:
                self._start(self._arriving(downloaders))
                self._watch(downloaders)
        if observed.processors is not None:
            observed.processors.stop()
        observed.links = [
            LinkBytes(now.there - then.there, now.back - then.back)
            for now, then in zip(self._place.links(), before, strict=True)
        ]

    def _arriving(self, downloaders: Sequence[Downloader]) -> list[Downloader]:
        """Return those that have arrived by now, and are not started yet."""
        arrivals, now = self._case.plan.arrivals, self._observed.now
        waiting = [one for one in downloaders if not one.over and one.member.role not in self._observed.started]
        return [one for one in waiting if arrivals[one.member.role] <= now]

    def _start(self, downloaders: list[Downloader]) -> None:
        """Start `downloaders` together, if there are any. Raises ControlError."""
        if not downloaders:
            return
        self._observed.downloaders += downloaders
        start = start_together(downloaders)
        self._observed.started |= {downloader.member.role: start for downloader in downloaders}
        self._observed.phases.append(downloaders)

    def _downloader(self, order: Order) -> Downloader:
        plan, faults = self._case.plan, self._case.faults
        allowed = {want.holder for want in order.wants} | set(faults.corrupt)
        holders = [address for address, role in self._observed.roles.items() if role in allowed]
        return Downloader(self._cluster[order.downloader], order, plan.sizes, plan.swarm, holders, bool(faults))

    def _watch(self, downloaders: Sequence[Downloader]) -> None:
        """Return when all ``downloaders`` are done, or all that is missing is lost, or the time is up."""
        plan, faults = self._case.plan, self._case.faults
        interval = REQUEST_INTERVAL * len(downloaders) if plan.swarm or faults else CHECK_INTERVAL
        deadline = time.time() + RUN_TIMEOUT + 10 * plan.bound(self._case.links, faults)
        while not all(one.over for one in downloaders) and time.time() < deadline and not self._hopeless(downloaders):
            if plan.arrive:
                self._start(self._arriving(downloaders))
            for downloader in downloaders:
                downloader.check(interval)
            fetched = self._report_progress()
            self._fault_injector.inject(downloaders, self._observed.now, fetched / plan.bytes_wanted)
            time.sleep(DISK_CHECK_INTERVAL)
        self._report_progress()
        for downloader in downloaders:
            downloader.refresh()

    def _hopeless(self, downloaders: Sequence[Downloader]) -> bool:
        """Return whether everything that is still missing was lost with the killed peers."""
        if not self._observed.killed or time.monotonic() < self._next_loss_check:
            return False
        self._next_loss_check = time.monotonic() + CHECK_INTERVAL
        lost = self._observed.lost(self._living())
        missing = [downloader.missing() for downloader in downloaders if not downloader.over]
        return all(names and names <= lost for names in missing)

    def _living(self) -> list[Member]:
        """Return the honest peers that were not killed for good."""
        return [self._cluster[role] for role in self._case.plan.holdings if role not in self._observed.killed]

    def _report_progress(self) -> int:
        """Report the progress, and return the bytes that all have downloaded so far."""
        samples = self._observed.take_samples()
        self._on_progress(samples, self._observed.events)
        return sum(sample.bytes for sample in samples)

    def _wait_for_index(self, phase: Sequence[Order]) -> None:
        """Wait until the downloaders of ``phase`` know the holders of what they want, as far as there are any.

        Raises ClusterError.
        """
        addresses = {role: address for address, role in self._observed.roles.items()}
        killed = self._observed.killed
        living = [one for one in self._observed.downloaders if one.member.role not in killed]
        there = {(name, one.member.role) for one in living for name in one.arrived}
        deadline = time.monotonic() + INDEX_TIMEOUT
        for order in phase:
            if order.downloader not in killed:
                peer = self._cluster[order.downloader]
                wanted = {(want.name, want.holder or "") for want in order.wants}
                expected = {(name, addresses[role]) for name, role in there & wanted}
                wait_until(partial(_knows, peer, expected), deadline, f"{peer.role} did not learn of new documents")

    def _on_fault(self, role: str, text: str) -> None:
        self._observed.events.append(Event(self._observed.now, role, text))
        self._next_loss_check = time.monotonic() + LOSS_CHECK_DELAY


def _knows(peer: Member, expected: set[tuple[str, str]]) -> bool:
    return expected <= holdings_known_to(peer)


def _processors_of(cluster: Cluster) -> Processors | None:
    """Return the load of the processors from now on, or None where there is no /proc."""
    try:
        return Processors([member.pid for member in cluster.members if member.pid is not None])
    except OSError:
        return None
