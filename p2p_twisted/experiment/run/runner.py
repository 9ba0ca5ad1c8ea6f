"""One run: a plan carried out by real peers, watched until all are done, and every copy checked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ...web.client import ControlError
from ..plan.faults import Faults, Schedule
from ..plan.links import Links
from ..plan.tasks import Order, Plan
from ..results import Event, Run, Sample
from .cluster import Cluster, wait_until
from .copies import Copies, count_copies, lost
from .demo import Documents
from .downloaders import LOOK, Downloader, arrivals, begin_together, failures, garbage, heard, transfers
from .fault_injection import FaultInjector, corrupt_files
from .machine import Processors
from .places import Place
from .processes import ClusterError, Member

STEP = 0.02
"""Seconds between looks at the disks of the peers."""
ASK = 0.05
"""Seconds between questions to any two peers where not all shows on disk: the pieces of a swarm, what failed."""
NEWS = 15.0
"""Seconds in which everybody must have heard what the first phase moved."""
SETTLE = 2.0
"""Seconds after a kill in which what its victim sent is still verified and put in place."""
PATIENCE = 60.0
"""Seconds beyond ten times the bound after which a run is given up."""

Watch = Callable[[Sequence[Sample], Sequence[Event]], object]
"""Called again and again during a run: how far each downloader is, and what has happened."""


@dataclass(frozen=True)
class Work:
    """What to run: a plan, its documents, the links it runs on, and what is to go wrong."""

    plan: Plan
    documents: Documents
    links: Links
    faults: Faults
    random_seed: int

    @property
    def peers(self) -> int:
        """The number of peers, including the corrupt ones."""
        return len(self.plan.holdings) + len(self.faults.corrupt)


class Execution:
    """Carries out ``work`` once, as its ``repeat``th time, at ``place``; ``watch`` may look on."""

    def __init__(self, work: Work, place: Place, repeat: int, watch: Watch) -> None:
        self._work = work
        self._plan = work.plan
        self._place = place
        self._repeat = repeat
        self._watch = watch
        self._downloaders: list[Downloader] = []
        self._begun: list[list[Downloader]] = []
        self._began: dict[str, float] = {}
        self._events: list[Event] = []
        self._samples: list[Sample] = []
        self._roles: dict[str, str] = {}
        self._processors: Processors | None = None
        self._fault_injector: FaultInjector
        self._look_for_lost_at = 0.0

    def run(self) -> Run:
        """Start everybody, carry the plan out, stop everybody. A Ctrl-C ends it where it is.

        Raises ClusterError, and KeyboardInterrupt when there is nothing to tell of yet.
        """
        with Cluster(self._work.peers, self._place.launcher, self._place.options) as cluster:
            self._cluster = cluster
            interrupted = False
            try:
                self._prepare()
                self._carry_out()
            except KeyboardInterrupt:
                if not self._began:
                    raise
                interrupted = True
                for downloader in self._downloaders:
                    downloader.read()
            except ControlError as error:
                raise ClusterError(str(error)) from error
            return self._result(interrupted)

    def _prepare(self) -> None:
        """Everybody has its documents, is up, knows of all documents; corrupt peers have their garbage."""
        plan, faults = self._plan, self._work.faults
        holdings = {**plan.holdings, **{role: tuple(plan.sizes) for role in faults.corrupt}}
        for role, names in holdings.items():
            self._give(self._cluster[role], names)
        self._cluster.start()
        self._cluster.wait_for_documents(len(plan.sizes))
        for peer in self._cluster.peers:
            status = peer.control.get("status")
            self._roles[f"{status['host']}:{status['port']}"] = peer.role
        for role in faults.corrupt:
            corrupt_files((self._cluster[role].share_dir / name for name in plan.sizes), self._work.random_seed)

    def _give(self, peer: Member, names: Sequence[str]) -> None:
        for name in names:
            target = peer.share_dir / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._work.documents.paths[name], target)

    def _carry_out(self) -> None:
        last = [order.downloader for order in self._plan.phases[-1]]
        self._fault_injector = FaultInjector(
            self._cluster, Schedule(self._work.faults, last, self._work.random_seed), self._happened
        )
        self._processors = processors_of(self._cluster)
        for phase in self._plan.phases:
            if self._began:
                self._wait_for_news(phase)
            downloaders = [
                self._downloader(order) for order in phase if order.downloader not in self._fault_injector.killed
            ]
            if not downloaders:
                continue
            self._downloaders += downloaders
            start = begin_together(downloaders)
            self._began |= {downloader.member.role: start for downloader in downloaders}
            self._begun.append(downloaders)
            self._look_on(downloaders)
        if self._processors is not None:
            self._processors.stop()

    def _downloader(self, order: Order) -> Downloader:
        allowed = {want.holder for want in order.wants} | set(self._work.faults.corrupt)
        holders = [address for address, role in self._roles.items() if role in allowed]
        faulty = bool(self._work.faults)
        return Downloader(self._cluster[order.downloader], order, self._plan.sizes, self._plan.swarm, holders, faulty)

    def _look_on(self, downloaders: Sequence[Downloader]) -> None:
        pause = ASK * len(downloaders) if self._plan.swarm or self._work.faults else LOOK
        deadline = time.time() + PATIENCE + 10 * self._plan.bound(self._work.links, self._work.faults)
        while (
            not all(downloader.over for downloader in downloaders)
            and time.time() < deadline
            and not self._hopeless(downloaders)
        ):
            for downloader in downloaders:
                downloader.look(pause)
            fetched = self._note_progress()
            self._fault_injector.do(downloaders, self._now(), fetched / self._plan.bytes_wanted)
            time.sleep(STEP)
        self._note_progress()
        for downloader in downloaders:
            downloader.read()

    def _hopeless(self, downloaders: Sequence[Downloader]) -> bool:
        """Return whether all that is still lacking was lost with those who were killed."""
        if not self._fault_injector.killed or time.monotonic() < self._look_for_lost_at:
            return False
        self._look_for_lost_at = time.monotonic() + LOOK
        gone = self._gone()
        lacking = [downloader.lacking() for downloader in downloaders if not downloader.over]
        return all(names and names <= gone for names in lacking)

    def _gone(self) -> set[str]:
        """Return the documents that were lost with those who were killed."""
        if not self._fault_injector.killed:
            return set()
        return lost(self._plan.sizes, self._work.documents.sha256, self._living(), self._plan.swarm)

    def _living(self) -> list[Member]:
        """Return the honest peers that were not killed for good."""
        return [self._cluster[role] for role in self._plan.holdings if role not in self._fault_injector.killed]

    def _note_progress(self) -> int:
        """The bytes that all have fetched so far."""
        now = self._now()
        samples = [downloader.sample(now) for downloader in self._downloaders]
        if self._plan.swarm:  # else what came when is told by the files
            seen = {sample.peer: sample.bytes for sample in self._samples}
            self._samples += [sample for sample in samples if seen.get(sample.peer) != sample.bytes]
        self._watch(samples, self._events)
        return sum(sample.bytes for sample in samples)

    def _wait_for_news(self, phase: Sequence[Order]) -> None:
        """Until those who ask next know who has what they want now; what nobody has is not waited for."""
        living = [
            downloader for downloader in self._downloaders if downloader.member.role not in self._fault_injector.killed
        ]
        there = {
            (downloader.member.role, arrival.file) for downloader in living for arrival in arrivals(downloader, 0.0)
        }
        addresses = {role: address for address, role in self._roles.items()}
        deadline = time.monotonic() + NEWS
        for order in phase:
            wants = [(str(want.holder), want.name) for want in order.wants]
            news = {(name, addresses[holder]) for holder, name in wants if (holder, name) in there}
            peer = self._cluster[order.downloader]
            if order.downloader not in self._fault_injector.killed:
                complaint = f"{peer.role} did not hear of what the first phase moved"
                wait_until(lambda peer=peer, news=news: news <= heard(peer), deadline, complaint)  # type: ignore[misc]

    def _happened(self, role: str, text: str) -> None:
        self._events.append(Event(self._now(), role, text))
        self._look_for_lost_at = time.monotonic() + SETTLE

    def _now(self) -> float:
        return time.time() - min(self._began.values())

    def _result(self, interrupted: bool) -> Run:
        plan, start = self._plan, min(self._began.values(), default=time.time())
        came = [arrival for downloader in self._downloaders for arrival in arrivals(downloader, start)]
        killed, gone, copies = self._fault_injector.killed, self._gone(), self._copies()
        failed = {downloader.member.role: self._failures(downloader, gone) for downloader in self._downloaders}
        begun = [[downloader.begun for downloader in phase] for phase in self._begun]
        return Run(
            task=plan.task,
            repeat=self._repeat,
            swarm=plan.swarm,
            holdings=plan.holdings,
            orders=plan.wanted,
            began={role: at - start for role, at in self._began.items()},
            bound=plan.bound(self._work.links, self._work.faults.came_true(killed)),
            seconds=max((arrival.at for arrival in came if arrival.peer not in killed), default=0.0),
            spread=max((max(times) - min(times) for times in begun), default=0.0),
            busy=self._processors.busy if self._processors else None,
            busiest=self._processors.busiest if self._processors else None,
            verified=copies.right,
            expected=copies.all,
            transfers=[
                transfer for downloader in self._downloaders for transfer in transfers(downloader, self._roles, start)
            ],
            arrivals=came,
            samples=self._samples,
            events=self._events,
            corrupt=self._work.faults.corrupt,
            slow=self._work.faults.slow,
            garbage=garbage(self._downloaders, self._roles),
            wrong=copies.wrong,
            killed=killed,
            lost=sorted(gone & {name for role in failed.keys() - set(killed) for name in failed[role]}),
            failed={role: reasons for role, reasons in failed.items() if reasons},
            interrupted=interrupted,
        )

    def _copies(self) -> Copies:
        """Check all copies that there should be at those who were not killed."""
        plan, sha256 = self._plan, self._work.documents.sha256
        names = {peer: (*plan.holdings[peer.role], *plan.wanted.get(peer.role, ())) for peer in self._living()}
        return sum((count_copies(peer, wanted, sha256) for peer, wanted in names.items()), Copies())

    def _failures(self, downloader: Downloader, gone: Collection[str]) -> dict[str, str]:
        """Map each document that ``downloader`` lacks to the reason; ``gone``: those that were lost."""
        if downloader.member.role in self._fault_injector.killed:
            return dict.fromkeys(failures(downloader), "it was killed")
        where = f"lost with {', '.join(self._fault_injector.killed)}"
        return {name: where if name in gone else reason for name, reason in failures(downloader).items()}


def processors_of(cluster: Cluster) -> Processors | None:
    """Return a look at the processors, or None where there is no /proc."""
    try:
        return Processors([member.pid for member in cluster.members if member.pid is not None])
    except OSError:
        return None
