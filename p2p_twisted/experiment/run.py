"""One run: a plan carried out by real peers, watched until all are done, and every copy checked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..web.client import ControlError
from .askers import LOOK, Asker, arrivals, begin_together, failures, transfers
from .cluster import Cluster, wait_until
from .demo import Documents
from .faults import Faults, Schedule
from .harm import Harm, falsify
from .links import Links
from .machine import Processors
from .places import Place
from .processes import ClusterError, Member
from .results import Event, Run, Sample
from .tasks import Order, Plan

STEP = 0.02
"""Seconds between looks at the disks of the peers."""
ASK = 0.05
"""Seconds between questions to any two peers in a swarm, whose progress does not show on disk."""
MOST_DOCUMENTS = 1000
"""As many as one answer of the API lists."""
NEWS = 15.0
"""Seconds in which everybody must have heard what the first phase moved."""
PATIENCE = 60.0
"""Seconds beyond ten times the bound after which a run is given up."""

Watch = Callable[[Sequence[Sample], Sequence[Event]], object]
"""Called again and again during a run: how far each asker is, and what has happened."""


@dataclass(frozen=True)
class Work:
    """What to run: a plan, its documents, the links it runs on, and what is to go wrong."""

    plan: Plan
    documents: Documents
    links: Links
    faults: Faults
    seed: int

    @property
    def peers(self) -> int:
        """How many peers there are, liars among them."""
        return len(self.plan.holdings) + len(self.faults.liars)


class Execution:
    """Carries out ``work`` once, as its ``repeat``th time, at ``place``; ``watch`` may look on."""

    def __init__(self, work: Work, place: Place, repeat: int, watch: Watch) -> None:
        self._work = work
        self._plan = work.plan
        self._place = place
        self._repeat = repeat
        self._watch = watch
        self._askers: list[Asker] = []
        self._begun: list[list[Asker]] = []
        self._began: dict[str, float] = {}
        self._events: list[Event] = []
        self._samples: list[Sample] = []
        self._roles: dict[str, str] = {}
        self._processors: Processors | None = None

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
                for asker in self._askers:
                    asker.read()
            except ControlError as error:
                raise ClusterError(str(error)) from error
            return self._result(interrupted)

    def _prepare(self) -> None:
        """Everybody has its documents, is up, knows of all documents; whoever is to lie can."""
        plan, faults = self._plan, self._work.faults
        holdings = {**plan.holdings, **{role: tuple(plan.sizes) for role in faults.liars}}
        for role, names in holdings.items():
            self._give(self._cluster[role], names)
        self._cluster.start()
        self._cluster.wait_for_documents(len(plan.sizes))
        for peer in self._cluster.peers:
            status = peer.control.get("status")
            self._roles[f"{status['host']}:{status['port']}"] = peer.role
        for role in faults.liars:
            falsify((self._cluster[role].share_dir / name for name in plan.sizes), self._work.seed)

    def _give(self, peer: Member, names: Sequence[str]) -> None:
        for name in names:
            target = peer.share_dir / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._work.documents.paths[name], target)

    def _carry_out(self) -> None:
        last = [order.asker for order in self._plan.phases[-1]]
        harm = Harm(self._cluster, Schedule(self._work.faults, last, self._work.seed), self._happened)
        self._processors = processors_of(self._cluster)
        for phase in self._plan.phases:
            if self._began:
                self._wait_for_news(phase)
            askers = [self._asker(order) for order in phase if self._cluster[order.asker].pid is not None]
            self._askers += askers
            start = begin_together(askers)
            self._began |= {asker.member.role: start for asker in askers}
            self._begun.append(askers)
            self._look_on(askers, harm)
        if self._processors is not None:
            self._processors.stop()

    def _asker(self, order: Order) -> Asker:
        allowed = {want.holder for want in order.wants} | set(self._work.faults.liars)
        holders = [address for address, role in self._roles.items() if role in allowed]
        faulty = bool(self._work.faults)
        return Asker(self._cluster[order.asker], order, self._plan.sizes, self._plan.swarm, holders, faulty)

    def _look_on(self, askers: Sequence[Asker], harm: Harm) -> None:
        pause = ASK * len(askers) if self._plan.swarm else LOOK
        deadline = time.time() + PATIENCE + 10 * self._plan.bound(self._work.links)
        while not all(asker.over for asker in askers) and time.time() < deadline:
            for asker in askers:
                asker.look(pause)
            fetched = self._note_progress()
            harm.do(askers, self._now(), fetched / self._plan.bytes_wanted)
            time.sleep(STEP)
        self._note_progress()
        for asker in askers:
            asker.read()

    def _note_progress(self) -> int:
        """The bytes that all have fetched so far."""
        now = self._now()
        samples = [asker.sample(now) for asker in self._askers]
        if self._plan.swarm:  # else what came when is told by the files
            seen = {sample.peer: sample.bytes for sample in self._samples}
            self._samples += [sample for sample in samples if seen.get(sample.peer) != sample.bytes]
        self._watch(samples, self._events)
        return sum(sample.bytes for sample in samples)

    def _wait_for_news(self, phase: Sequence[Order]) -> None:
        """Until those who ask next know who has what they want now; what nobody has is not waited for."""
        there = {(asker.member.role, arrival.file) for asker in self._askers for arrival in arrivals(asker, 0.0)}
        addresses = {role: address for address, role in self._roles.items()}
        deadline = time.monotonic() + NEWS
        for order in phase:
            wants = [(str(want.holder), want.name) for want in order.wants]
            news = {(name, addresses[holder]) for holder, name in wants if (holder, name) in there}
            peer = self._cluster[order.asker]
            if peer.pid is not None:
                complaint = f"{peer.role} did not hear of what the first phase moved"
                wait_until(lambda peer=peer, news=news: news <= heard(peer), deadline, complaint)  # type: ignore[misc]

    def _happened(self, role: str, text: str) -> None:
        self._events.append(Event(self._now(), role, text))

    def _now(self) -> float:
        return time.time() - min(self._began.values())

    def _result(self, interrupted: bool) -> Run:
        plan, start = self._plan, min(self._began.values(), default=time.time())
        came = [arrival for asker in self._askers for arrival in arrivals(asker, start)]
        failed = {asker.member.role: failures(asker) for asker in self._askers}
        begun = [[asker.begun for asker in phase] for phase in self._begun]
        return Run(
            task=plan.task,
            repeat=self._repeat,
            swarm=plan.swarm,
            holdings=plan.holdings,
            orders=plan.wanted,
            began={role: at - start for role, at in self._began.items()},
            bound=plan.bound(self._work.links),
            seconds=max((arrival.at for arrival in came), default=0.0),
            spread=max((max(times) - min(times) for times in begun), default=0.0),
            busy=self._processors.busy if self._processors else None,
            busiest=self._processors.busiest if self._processors else None,
            verified=sum(self._work.documents.verified(self._cluster[role]) for role in plan.holdings),
            expected=sum(map(len, plan.holdings.values())) + sum(map(len, plan.wanted.values())),
            transfers=[transfer for asker in self._askers for transfer in transfers(asker, self._roles, start)],
            arrivals=came,
            samples=self._samples,
            events=self._events,
            liars=self._work.faults.liars,
            slow=self._work.faults.slow,
            failed={role: reasons for role, reasons in failed.items() if reasons},
            interrupted=interrupted,
        )


def heard(peer: Member) -> set[tuple[str, str]]:
    """The names that ``peer`` knows of, each with the address of a holder. Raises ControlError."""
    items = peer.control.get("index", limit=MOST_DOCUMENTS)["items"]
    return {(item["name"], f"{holder['host']}:{holder['port']}") for item in items for holder in item["holders"]}


def processors_of(cluster: Cluster) -> Processors | None:
    """A look at the processors, or None where they cannot be looked at."""
    try:
        return Processors([member.pid for member in cluster.members if member.pid is not None])
    except OSError:
        return None
