"""The event lines of an experiment, and how often they are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from p2p_twisted.cli.main import main
from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.plan.orders import Plan
from p2p_twisted.experiment.plan.tasks import task1
from p2p_twisted.experiment.results import Arrival, Event, Run, Sample
from p2p_twisted.experiment.verbs.event_lines import MAX_INTERVAL, MIN_INTERVAL, EventLines

SIZES = {"a.txt": 1000, "b.txt": 3000}
PLAN: Plan = task1(["peer1", "peer2", "peer3"], SIZES, 2, 0, False)


class RecordedEvents:
    """Events on a clock of our own, and the lines that they said."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self.events = EventLines(Links(1000.0, 4000.0), now=lambda: self.now, write=self.lines.append)

    @property
    def data(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def kinds(self) -> list[str]:
        return [data["event"] for data in self.data]


def far(at: float, *bytes_: int) -> Sequence[Sample]:
    return [Sample(f"peer{place}", at, amount, amount // 1000) for place, amount in enumerate(bytes_, 2)]


def run_of(arrivals: Sequence[Arrival]) -> Run:
    return Run(
        task="task1",
        repeat=2,
        swarm=False,
        holdings=PLAN.holdings,
        orders=PLAN.wanted,
        began={"peer2": 0.0, "peer3": 0.0},
        bound=8.0,
        seconds=9.5,
        spread=0.0,
        busy=None,
        busiest=None,
        verified=5,
        expected=6,
        transfers=[],
        arrivals=arrivals,
        samples=[],
        events=[],
    )


def test_a_run_that_begins() -> None:
    recorded = RecordedEvents()
    recorded.events.run_starts(PLAN, 2)
    idle = {"holds": 0, "files": 2, "bytes": 4000}
    assert recorded.data == [
        {
            "event": "run",
            "task": "task1",
            "title": "Task 1, centralised",
            "repeat": 2,
            "bound": 8.0,
            "peers": {"peer1": {"holds": 2, "files": 0, "bytes": 0}, "peer2": idle, "peer3": idle},
        }
    ]
    assert "\n" not in recorded.lines[0]


def test_progress_is_written_at_its_interval_and_each_second_when_idle() -> None:
    recorded = RecordedEvents()
    watch = recorded.events.run_starts(PLAN, 1)
    for step in range(200):  # 20 ms each
        watch(far(step * 0.02, min(step, 100) * 10, 0), [])
        recorded.now += 0.02
    moving = [data["at"] for data in recorded.data[1:] if data["at"] <= 2.0]
    resting = [data["at"] for data in recorded.data[1:] if data["at"] > 2.0]
    assert 2 / (MIN_INTERVAL + 0.02) <= len(moving) <= 2 / MIN_INTERVAL + 1
    assert 1 <= len(resting) <= 2 / MAX_INTERVAL + 1
    assert recorded.data[1] == {
        "event": "progress",
        "at": 0.0,
        "peers": {"peer2": {"files": 0, "bytes": 0}, "peer3": {"files": 0, "bytes": 0}},
    }


def test_a_fault_is_written_at_once_and_only_once() -> None:
    recorded = RecordedEvents()
    watch = recorded.events.run_starts(PLAN, 1)
    killed = Event(0.5004, "peer2", "peer2 killed")
    for _ in range(3):
        watch(far(0.51, 0, 0), [killed])
    watch(far(0.51, 0, 0), [killed, Event(0.6, "peer2", "peer2 back")])
    assert recorded.kinds == ["run", "fault", "progress", "fault"]
    assert recorded.data[1] == {"event": "fault", "at": 0.5, "peer": "peer2", "text": "peer2 killed"}


def test_a_run_that_ended_says_what_each_has_and_since_when() -> None:
    recorded = RecordedEvents()
    recorded.events.run_ended(run_of([Arrival("peer2", "a.txt", 1000, 1.0), Arrival("peer2", "b.txt", 3000, 9.5)]))
    [data] = recorded.data
    assert (data["event"], data["task"], data["repeat"], data["ratio"]) == ("run-ended", "task1", 2, 9.5 / 8)
    assert (data["verified"], data["expected"], data["interrupted"]) == (5, 6, False)
    assert data["peers"] == {
        "peer2": {"files": 2, "bytes": 4000, "seconds": 9.5},
        "peer3": {"files": 0, "bytes": 0, "seconds": None},
    }


def test_the_end_names_the_report() -> None:
    recorded = RecordedEvents()
    recorded.events.experiment_ended(["One is faster."], Path("/tmp/x/report.html"))
    assert recorded.data == [{"event": "end", "findings": ["One is faster."], "report": "/tmp/x/report.html"}]


def test_events_and_json_exclude_one_another(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["experiment", "swarm", "--events", "--json", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "choose one" in result.output
    assert not (tmp_path / "out").exists()
