"""The observations of a run: all that was seen while it went on, and the ``Run`` that they amount to."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ..plan.faults import Faults
from ..plan.links import Links
from ..plan.orders import Plan
from ..results import Event, LinkBytes, Run, Sample
from .copies import Copies, count_copies, lost
from .downloader import Downloader
from .originals import Originals
from .outcome import arrivals, corrupt_pieces, failures, transfers
from .processes import Member
from .processors import Processors
from .site_loopback import carried


@dataclass(frozen=True)
class Case:
    """A plan with its documents, links and faults, to be run once or several times."""

    plan: Plan
    originals: Originals
    links: Links
    faults: Faults
    random_seed: int

    @property
    def peers(self) -> int:
        """The number of peers, including the corrupt ones."""
        return len(self.plan.holdings) + len(self.faults.corrupt)


@dataclass
class Observations:
    """The observations of one run; times are Unix seconds, except in events and samples (see ``Run``)."""

    case: Case
    roles: dict[str, str] = field(default_factory=dict)
    """Address of each peer as ``host:port`` -> its role."""
    downloaders: list[Downloader] = field(default_factory=list)
    phases: list[list[Downloader]] = field(default_factory=list)
    """The downloaders that were started together, phase by phase."""
    started: dict[str, float] = field(default_factory=dict)
    """Role -> when the downloader was told to start."""
    samples: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    """The roles of the peers that were killed for good."""
    processors: Processors | None = None
    links: list[LinkBytes] = field(default_factory=list)
    """What each link between two sites has carried."""

    @property
    def now(self) -> float:
        """Seconds since the first downloader was started; 0 before that."""
        return time.time() - min(self.started.values()) if self.started else 0.0

    def take_samples(self) -> list[Sample]:
        """Return the progress of all downloaders; in a swarm, keep it where it has changed.

        Without a swarm, the arrivals of whole documents tell the progress.
        """
        now = self.now
        samples = [downloader.sample(now) for downloader in self.downloaders]
        if self.case.plan.swarm:
            last = {sample.peer: sample.bytes for sample in self.samples}
            self.samples += [sample for sample in samples if last.get(sample.peer) != sample.bytes]
        return samples

    def lost(self, living: Sequence[Member]) -> set[str]:
        """Return the documents that were lost with the killed peers; ``living``: all honest peers but those."""
        if not self.killed:
            return set()
        plan = self.case.plan
        return lost(plan.sizes, self.case.originals.sha256, living, plan.swarm)

    def as_run(self, repeat: int, living: Sequence[Member], interrupted: bool) -> Run:
        """Verify all copies of the ``living`` peers, and return the result of the run."""
        case, plan, start = self.case, self.case.plan, min(self.started.values(), default=time.time())
        arrived = [arrival for downloader in self.downloaders for arrival in arrivals(downloader, start)]
        moved = [one for downloader in self.downloaders for one in transfers(downloader, self.roles, start)]
        gone, copies = self.lost(living), self._copies(living)
        failed = {downloader.member.role: self._failures(downloader, gone) for downloader in self.downloaders}
        roles = [*plan.holdings, *case.faults.corrupt]
        started = [[downloader.started for downloader in phase] for phase in self.phases]
        return Run(
            task=plan.task,
            repeat=repeat,
            swarm=plan.swarm,
            holdings=plan.holdings,
            orders=plan.wanted,
            began={role: at - start for role, at in self.started.items()},
            bound=plan.bound(case.links, case.faults.limited_to(self.killed)),
            seconds=max((arrival.at for arrival in arrived if arrival.peer not in self.killed), default=0.0),
            spread=max((max(times) - min(times) for times in started), default=0.0),
            busy=self.processors.busy if self.processors else None,
            busiest=self.processors.busiest if self.processors else None,
            verified=copies.right,
            expected=copies.all,
            transfers=moved,
            arrivals=arrived,
            samples=self.samples,
            events=self.events,
            corrupt=case.faults.corrupt,
            slow=case.faults.slow,
            garbage=corrupt_pieces(self.downloaders, self.roles),
            wrong=copies.wrong,
            killed=self.killed,
            lost=sorted(gone & {name for role in failed.keys() - set(self.killed) for name in failed[role]}),
            failed={role: reasons for role, reasons in failed.items() if reasons},
            sites=case.links.sites.peers if case.links.sites is not None else (),
            ups={role: case.links.up_of(role) for role in roles},
            downs={role: case.links.down_of(role) for role in roles},
            arrive=plan.arrive,
            links=self.links or (carried(moved, case.links.sites) if case.links.sites is not None else ()),
            interrupted=interrupted,
        )

    def _copies(self, living: Sequence[Member]) -> Copies:
        plan, sha256 = self.case.plan, self.case.originals.sha256
        names = {peer: (*plan.holdings[peer.role], *plan.wanted.get(peer.role, ())) for peer in living}
        return sum((count_copies(peer, wanted, sha256) for peer, wanted in names.items()), Copies())

    def _failures(self, downloader: Downloader, gone: Collection[str]) -> dict[str, str]:
        """Map each document that ``downloader`` lacks to the reason; ``gone``: those that were lost."""
        if downloader.member.role in self.killed:
            return dict.fromkeys(failures(downloader), "it was killed")
        where = f"lost with {', '.join(self.killed)}"
        return {name: where if name in gone else reason for name, reason in failures(downloader).items()}
