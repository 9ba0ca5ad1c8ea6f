"""What runs came to: plain values, and the files they are kept in. Seconds since a run's start, and bytes."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .plan.links import Links


@dataclass(frozen=True)
class Transfer:
    """What ``peer`` got of ``file`` from ``source``: bytes, and when the first and the last of them came."""

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
    """How many bytes of documents ``peer`` had fetched at one moment, and how many ``files`` were whole."""

    peer: str
    at: float
    bytes: int
    files: int = 0


@dataclass(frozen=True)
class Event:
    """Something that was made to happen to ``peer``, in a few words: ``peer3 killed``."""

    at: float
    peer: str
    text: str


@dataclass(frozen=True)
class Run:
    """One task carried out once. One that was ``interrupted`` says how far it had come.

    ``orders``: the names that each peer was to fetch, in order; ``began``: when each was told. ``seconds``: until the
    last peer had all; ``bound``: the least that the links allow; ``spread``: from the first peer's start to the last's.
    ``busy``, ``busiest``: see ``machine.Processors``. ``verified`` of ``expected`` copies have the right SHA-256,
    ``wrong`` have another, the rest are missing. ``corrupt``, ``slow``: see ``faults.Faults``. ``garbage``: role -> how
    many of its pieces were refused. ``killed``: who was killed for good; their copies, and their time, count nowhere.
    ``lost``: the documents that nobody else had. ``failed``: peer -> name -> reason.
    """

    task: str
    repeat: int
    swarm: bool
    holdings: Mapping[str, Sequence[str]]
    orders: Mapping[str, Sequence[str]]
    began: Mapping[str, float]
    bound: float
    seconds: float
    spread: float
    busy: float | None
    busiest: float | None
    verified: int
    expected: int
    transfers: Sequence[Transfer]
    arrivals: Sequence[Arrival]
    samples: Sequence[Sample]
    events: Sequence[Event]
    corrupt: Sequence[str] = ()
    slow: Mapping[str, float] = field(default_factory=dict)
    garbage: Mapping[str, int] = field(default_factory=dict)
    wrong: int = 0
    killed: Sequence[str] = ()
    lost: Sequence[str] = ()
    failed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def ratio(self) -> float:
        """Times the bound."""
        return self.seconds / self.bound

    @property
    def complete(self) -> bool:
        """Whether every copy is there and right, but for those of the killed."""
        return self.verified == self.expected and not self.interrupted

    @property
    def missing(self) -> int:
        """The number of copies that are not there."""
        return self.expected - self.verified - self.wrong

    @property
    def peers(self) -> int:
        """How many peers there were."""
        return len(self.holdings) + len(self.corrupt)

    @property
    def downloaders(self) -> list[str]:
        """The peers that fetch, in the order of their numbers."""
        return sorted(self.orders, key=number)

    @property
    def survivors(self) -> list[str]:
        """The peers that fetch and were not killed for good."""
        return [peer for peer in self.downloaders if peer not in self.killed]

    def finished(self, peer: str) -> float | None:
        """When ``peer`` had all it wanted; None if it never had."""
        times = [arrival.at for arrival in self.arrivals if arrival.peer == peer]
        return max(times) if len(times) == len(self.orders[peer]) else None


@dataclass(frozen=True)
class Results:
    """All runs of an experiment, and the setting they were made in: versions, machine, links, seed."""

    setting: Mapping[str, str]
    links: Links
    runs: Sequence[Run]

    @property
    def tasks(self) -> list[str]:
        """The tasks that were run, in that order."""
        return list(dict.fromkeys(run.task for run in self.runs))

    @property
    def cases(self) -> dict[tuple[str, int], list[Run]]:
        """The runs that repeat one another, by their task and their number of peers, in the order they were made."""
        found: dict[tuple[str, int], list[Run]] = {}
        for run in self.runs:
            found.setdefault((run.task, run.peers), []).append(run)
        return found

    @property
    def growing(self) -> bool:
        """Whether the same tasks were run with different numbers of peers."""
        return len(self.cases) > len(self.tasks)


@dataclass(frozen=True)
class Summary:
    """The ``runs`` of one case whose times count: ``seconds`` is their median, ``low`` and ``high`` the extremes.

    Unless they are ``complete``, they are times until the end of what did not come to its end.
    """

    task: str
    peers: int
    runs: int
    seconds: float
    low: float
    high: float
    bound: float
    verified: int
    expected: int
    complete: bool

    @property
    def ratio(self) -> float:
        """Median seconds in times the bound."""
        return self.seconds / self.bound


def timed(runs: Sequence[Run]) -> Sequence[Run]:
    """Those runs of one case whose times count: where copies lack, the time says how soon it failed, not how fast.

    If all lack some, those that came to their end; all, if none did.
    """
    return [run for run in runs if run.complete] or [run for run in runs if not run.interrupted] or runs


def summarise(runs: Sequence[Run]) -> Summary:
    """The summary of the runs of one case: times of those that are ``timed``, copies of all that came to their end."""
    times = [run.seconds for run in timed(runs)]
    ended = [run for run in runs if not run.interrupted] or runs
    copies = (sum(run.verified for run in ended), sum(run.expected for run in ended))
    return Summary(
        runs[0].task,
        runs[0].peers,
        len(times),
        statistics.median(times),
        min(times),
        max(times),
        runs[0].bound,
        *copies,
        any(run.complete for run in runs),
    )


def number(role: str) -> int:
    """The number of a peer; a sort key."""
    return int(role.removeprefix("peer"))


def as_json(results: Results) -> str:
    """Return everything as JSON, without spaces: they would be most of it."""
    found = {"setting": results.setting, "links": asdict(results.links), "runs": [*map(_run_as_json, results.runs)]}
    return json.dumps(found, separators=(",", ":")) + "\n"


def _run_as_json(run: Run) -> dict[str, Any]:
    """Return the members of ``run``; ``corrupt`` is called ``liars`` there, as in earlier versions."""
    members = {"liars" if name == "corrupt" else name: value for name, value in asdict(run).items()}
    return {**members, "ratio": run.ratio}


def transfers_csv(results: Results) -> str:
    """Every transfer on a line: task, repeat, then the members of Transfer."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "repeat", *(column.name for column in fields(Transfer))])
    for run in results.runs:
        writer.writerows([run.task, run.repeat, *asdict(transfer).values()] for transfer in run.transfers)
    return text.getvalue()


def write_data(results: Results, folder: Path) -> None:
    """Write ``results.json`` and ``transfers.csv`` into ``folder``. Raises OSError."""
    (folder / "results.json").write_text(as_json(results), "utf-8")
    (folder / "transfers.csv").write_text(transfers_csv(results), "utf-8")
