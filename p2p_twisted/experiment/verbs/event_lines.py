"""The events of an experiment for programs that watch it: a line of JSON on stdout for each, as soon as it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ..plan.faults import NO_FAULTS, Faults
from ..plan.links import Links
from ..plan.orders import Plan
from ..report.task_titles import titled
from ..results import Event, Run, Sample
from ..run.execution import OnProgress

MIN_INTERVAL = 0.125
"""Seconds between two lines of progress, at least."""
MAX_INTERVAL = 1.0
"""Seconds after which there is another line of progress even if nothing has changed."""


class EventLines:
    """Writes the events of one experiment on ``links`` with ``faults``; docs/api.rst describes the lines.

    ``now`` returns monotonic seconds, ``write`` takes a line. Every method raises OSError if the output is closed.
    """

    def __init__(
        self,
        links: Links,
        faults: Faults = NO_FAULTS,
        now: Callable[[], float] = time.monotonic,
        write: Callable[[str], object] = click.echo,
    ) -> None:
        self._links = links
        self._faults = faults
        self._now = now
        self._write = write

    def run_starts(self, plan: Plan, repeat: int) -> OnProgress:
        """Write that a run is being prepared; return the function to call with its progress."""
        wanted = plan.wanted
        peers = {
            role: {
                "holds": len(held),
                "files": len(wanted.get(role, ())),
                "bytes": sum(plan.sizes[name] for name in wanted.get(role, ())),
            }
            for role, held in plan.holdings.items()
        }
        bound = plan.bound(self._links, self._faults)
        self._event("run", **_named(plan.task, plan.swarm, repeat), bound=bound, peers=peers)
        return _Progress(self._event, self._now)

    def run_ended(self, run: Run) -> None:
        """Write that a run has ended, and that all copies have been verified."""
        self._event(
            "run-ended",
            **_named(run.task, run.swarm, run.repeat),
            bound=run.bound,
            seconds=run.seconds,
            ratio=run.ratio,
            complete=run.complete,
            verified=run.verified,
            expected=run.expected,
            wrong=run.wrong,
            killed=list(run.killed),
            lost=len(run.lost),
            interrupted=run.interrupted,
            peers={peer: _fetched(run, peer) for peer in run.downloaders},
        )

    def experiment_ended(self, findings: Sequence[str], report: Path) -> None:
        """Write that all runs have ended and the report is written."""
        self._event("end", findings=list(findings), report=str(report))

    def _event(self, event: str, **members: Any) -> None:
        self._write(json.dumps({"event": event, **members}, separators=(",", ":")))


class _Progress:
    """Writes the progress of each peer, at limited intervals, and faults at once."""

    def __init__(self, write_event: Callable[..., None], now: Callable[[], float]) -> None:
        self._write_event = write_event
        self._now = now
        self._last: dict[str, Any] = {}
        self._last_at = float("-inf")
        self._faults = 0

    def __call__(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """Take the progress and all events so far; called many times a second."""
        for event in events[self._faults :]:
            self._write_event("fault", at=round(event.at, 3), peer=event.peer, text=event.text)
        self._faults = len(events)
        peers = {sample.peer: {"files": sample.files, "bytes": sample.bytes} for sample in samples}
        if self._now() - self._last_at >= (MAX_INTERVAL if peers == self._last else MIN_INTERVAL):
            self._last, self._last_at = peers, self._now()
            at = max((sample.at for sample in samples), default=0.0)
            self._write_event("progress", at=round(at, 3), peers=peers)


def _named(task: str, swarm: bool, repeat: int) -> dict[str, Any]:
    return {"task": task, "title": titled(task, swarm), "repeat": repeat}


def _fetched(run: Run, peer: str) -> dict[str, Any]:
    """Return what ``peer`` fetched, and when it had everything it wanted: None if it never had."""
    mine = [arrival for arrival in run.arrivals if arrival.peer == peer]
    return {
        "files": len(mine),
        "bytes": sum(arrival.bytes for arrival in mine),
        "seconds": run.finished(peer),
    }
