"""What happens in an experiment, for programs that watch it: a line of JSON on stdout for each happening, at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ..plan.faults import NO_FAULTS, Faults
from ..plan.links import Links
from ..plan.tasks import Plan
from ..report.titles import titled
from ..results import Event, Run, Sample
from ..run.runner import Watch

PACE = 0.125
"""Seconds between two lines of progress at the least."""
REST = 1.0
"""Seconds after which there is one even if nothing has moved."""


class Events:
    """Tells of the runs of one experiment on ``links`` with ``faults``; the lines are described in docs/api.rst.

    ``now`` gives monotonic seconds, ``say`` takes a line. Every method raises OSError when nobody reads any more.
    """

    def __init__(
        self,
        links: Links,
        faults: Faults = NO_FAULTS,
        now: Callable[[], float] = time.monotonic,
        say: Callable[[str], object] = click.echo,
    ) -> None:
        self._links = links
        self._faults = faults
        self._now = now
        self._say = say

    def begins(self, plan: Plan, repeat: int) -> Watch:
        """A run is being prepared; returns who watches it."""
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
        self._tell("run", **_named(plan.task, plan.swarm, repeat), bound=bound, peers=peers)
        return _Progress(self._tell, self._now)

    def ended(self, run: Run) -> None:
        """A run is over, and all copies have been checked."""
        self._tell(
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

    def over(self, findings: Sequence[str], report: Path) -> None:
        """All is over, and written."""
        self._tell("end", findings=list(findings), report=str(report))

    def _tell(self, event: str, **members: Any) -> None:
        self._say(json.dumps({"event": event, **members}, separators=(",", ":")))


class _Progress:
    """Tells how far each peer is, not more often than it should."""

    def __init__(self, tell: Callable[..., None], now: Callable[[], float]) -> None:
        self._tell = tell
        self._now = now
        self._told: dict[str, Any] = {}
        self._at = float("-inf")
        self._faults = 0

    def __call__(self, samples: Sequence[Sample], events: Sequence[Event]) -> None:
        """Look at the run, many times a second."""
        for event in events[self._faults :]:
            self._tell("fault", at=round(event.at, 3), peer=event.peer, text=event.text)
        self._faults = len(events)
        peers = {sample.peer: {"files": sample.files, "bytes": sample.bytes} for sample in samples}
        if self._now() - self._at >= (REST if peers == self._told else PACE):
            self._told, self._at = peers, self._now()
            at = max((sample.at for sample in samples), default=0.0)
            self._tell("progress", at=round(at, 3), peers=peers)


def _named(task: str, swarm: bool, repeat: int) -> dict[str, Any]:
    return {"task": task, "title": titled(task, swarm), "repeat": repeat}


def _fetched(run: Run, peer: str) -> dict[str, Any]:
    """What ``peer`` has in the end, and when it had all that it wanted: None if it never had."""
    mine = [arrival for arrival in run.arrivals if arrival.peer == peer]
    return {
        "files": len(mine),
        "bytes": sum(arrival.bytes for arrival in mine),
        "seconds": run.finished(peer),
    }
