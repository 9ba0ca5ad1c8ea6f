"""The results of an experiment as plain values. Times are seconds since the start of a run, sizes are bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .plan.links import Links


@dataclass(frozen=True)
class Transfer:
    """The bytes of ``file`` that ``peer`` got from ``source``, from the first (``start``) to the last (``end``)."""

    peer: str
    file: str
    source: str
    bytes: int
    start: float
    end: float


@dataclass(frozen=True)
class Arrival:
    """A document that ``peer`` has whole and in place since ``at``."""

    peer: str
    file: str
    bytes: int
    at: float


@dataclass(frozen=True)
class Sample:
    """The progress of ``peer`` at one moment: bytes of documents downloaded, and ``files`` that were whole."""

    peer: str
    at: float
    bytes: int
    files: int = 0


@dataclass(frozen=True)
class Event:
    """A fault injected into ``peer``, in a few words: ``peer3 killed``."""

    at: float
    peer: str
    text: str


@dataclass(frozen=True)
class LinkBytes:
    """The bytes of data that a link between two sites carried: away from the source, and back."""

    there: int
    back: int


@dataclass(frozen=True)
class Run:
    """The result of one run of a task. An interrupted one has the results until then."""

    task: str
    repeat: int
    swarm: bool
    holdings: Mapping[str, Sequence[str]]
    """Role -> names of the documents that the peer had at the start."""
    orders: Mapping[str, Sequence[str]]
    """Role of each downloader -> names of the documents to download, in order."""
    began: Mapping[str, float]
    """Role -> when the downloader was told to start."""
    bound: float
    """The least seconds that the links allow."""
    seconds: float
    """The time until the last peer had everything."""
    spread: float
    """The time from the first to the last start of downloaders that were to start together."""
    busy: float | None
    """See ``run.processors.Processors``, as for ``busiest``."""
    busiest: float | None
    verified: int
    """Copies with the right SHA-256."""
    expected: int
    """Copies that there must be."""
    transfers: Sequence[Transfer]
    arrivals: Sequence[Arrival]
    samples: Sequence[Sample]
    events: Sequence[Event]
    corrupt: Sequence[str] = ()
    """See ``plan.faults.Faults``, as for ``slow``."""
    slow: Mapping[str, float] = field(default_factory=dict)
    garbage: Mapping[str, int] = field(default_factory=dict)
    """Role of a corrupt peer -> how many of its pieces had the wrong hash."""
    wrong: int = 0
    """Copies with a wrong SHA-256; the rest is missing."""
    killed: Sequence[str] = ()
    """Peers that were killed for good; neither their copies nor their time count."""
    lost: Sequence[str] = ()
    """Documents that only killed peers had."""
    failed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Role -> name of a document that the peer did not get -> the reason."""
    sites: Sequence[int] = ()
    """The number of peers at each site, if there are several."""
    links: Sequence[LinkBytes] = ()
    """What each link between two sites carried, that between the first two first."""
    trace: str = ""
    """The file with every message, relative to the folder of the results, if they were written down."""
    interrupted: bool = False
    ups: Mapping[str, float] = field(default_factory=dict)
    """Role -> rate of its uplink, bytes/s."""
    downs: Mapping[str, float] = field(default_factory=dict)
    """Role -> rate of its downlink, bytes/s."""
    arrive: float = 0.0
    """Seconds from the arrival of one downloader to that of the next; 0 if all started together."""
    captures: Sequence[str] = ()
    """Paths of the captures of the hosts' cables, relative to the folder of the results."""

    @property
    def ratio(self) -> float:
        """The time divided by the bound."""
        return self.seconds / self.bound

    @property
    def complete(self) -> bool:
        """Whether every copy is there and right, except those of killed peers."""
        return self.verified == self.expected and not self.interrupted

    @property
    def size(self) -> int:
        """The bytes of all documents that the last downloader got."""
        return max((sum(a.bytes for a in self.arrivals if a.peer == peer) for peer in self.downloaders), default=0)

    @property
    def missing(self) -> int:
        """The number of missing copies."""
        return self.expected - self.verified - self.wrong

    @property
    def peers(self) -> int:
        """The number of peers."""
        return len(self.holdings) + len(self.corrupt)

    @property
    def downloaders(self) -> list[str]:
        """The peers that download, in the order of their numbers."""
        return sorted(self.orders, key=number)

    @property
    def survivors(self) -> list[str]:
        """The peers that download and were not killed for good."""
        return [peer for peer in self.downloaders if peer not in self.killed]

    def finished(self, peer: str) -> float | None:
        """Return when ``peer`` had everything it wanted; None if it never had."""
        times = [arrival.at for arrival in self.arrivals if arrival.peer == peer]
        return max(times) if len(times) == len(self.orders[peer]) else None

    def needed(self, peer: str) -> float | None:
        """Return the seconds from the arrival of ``peer`` until it had everything; None if it never had."""
        end = self.finished(peer)
        return None if end is None else end - self.began.get(peer, 0.0)


@dataclass(frozen=True)
class Results:
    """All runs of an experiment, and their setting: versions, machine, links, random seed."""

    setting: Mapping[str, str]
    links: Links
    runs: Sequence[Run]

    @property
    def tasks(self) -> list[str]:
        """The tasks, in the order of their runs."""
        return list(dict.fromkeys(run.task for run in self.runs))

    @property
    def cases(self) -> dict[tuple[str, int], list[Run]]:
        """Task and number of peers -> the runs of this case, in their order."""
        found: dict[tuple[str, int], list[Run]] = {}
        for run in self.runs:
            found.setdefault((run.task, run.peers), []).append(run)
        return found

    @property
    def growing(self) -> bool:
        """Whether the same tasks were run with different numbers of peers."""
        return len(self.cases) > len(self.tasks)


def number(role: str) -> int:
    """Return the number of a peer; a sort key."""
    return int(role.removeprefix("peer"))
