"""The service behind the experiment page: runs experiments, one at a time, and keeps the last few."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from .child import Child, Ending
from .experiment_order import PLACES, ExperimentOrder
from .experiment_run import ExperimentRun, load

MAX_RUNS = 10
"""Runs whose results are kept."""
NOT_KNOWN_YET = "this is still being checked"
"""The reason why a place is not available before it is known whether it is."""
_ID = re.compile(r"[0-9]{8}-[0-9]{6}(-[0-9]+)?", re.ASCII)


class ExperimentBusy(Exception):
    """No experiment can be started now; the text is one line with the reason."""


class ExperimentService(Service):
    """Runs experiments, each in a process of its own, in folders below `folder`.

    `reactor` is an IReactorProcess and IReactorTime.
    """

    _log = Logger()

    def __init__(self, reactor: Any, folder: Path) -> None:
        """Load the runs that are kept. Raises OSError if `folder` cannot be made or read."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self._reactor = reactor
        self._folder = folder
        self._child: Child | None = None
        self._place_check: Child | None = None
        self._places: dict[str, str | None] = {
            place: None if place == ExperimentOrder.lab else NOT_KNOWN_YET for place in PLACES
        }
        self._stopping = False
        runs = filter(None, map(self._load, filter(_is_run, folder.iterdir())))
        self._runs = {run.id: run for run in sorted(runs, key=lambda run: (run.started, run.id))}

    def startService(self) -> None:
        """Find out once, in a process of its own, which places are available here."""
        super().startService()
        lines: list[bytes] = []
        self._place_check = Child(self._reactor, ["experiment", "labs", "--json"], lines.append)
        self._place_check.ended.addCallback(lambda ending: self._places_checked(ending, b"".join(lines)))

    def places(self) -> dict[str, str | None]:
        """Map each place to one line with the reason why it is not available here, or None."""
        return dict(self._places)

    def start(self, order: ExperimentOrder) -> ExperimentRun:
        """Start an experiment. Raises ExperimentBusy, and OSError if its folder cannot be made."""
        if self._stopping:
            raise ExperimentBusy("the RS is stopping")
        if self._child is not None:
            raise ExperimentBusy("an experiment is running already; stop it, or wait for its end")
        self._forget(MAX_RUNS - 1)
        now = self._reactor.seconds()
        run = ExperimentRun(self._new_folder(now), order, now)
        run.save()
        self._child = Child(self._reactor, run.arguments, lambda line: self._on_line(run, line))
        self._runs[run.id] = run
        self._child.ended.addCallback(self._ended, run).addErrback(
            lambda why: self._log.failure("experiment {id}", why, id=run.id)
        )
        self._log.info("experiment {id}: {order}", id=run.id, order=" ".join(run.arguments[1:-2]))
        return run

    def runs(self) -> list[ExperimentRun]:
        """Return the runs that are kept, the newest last."""
        return list(self._runs.values())

    def run(self, id: str) -> ExperimentRun | None:  # noqa: A002
        """Return the run with that id, if there is one."""
        return self._runs.get(id)

    def stop(self, id: str) -> bool:  # noqa: A002
        """Begin to stop the run with that id; return False if it is over."""
        run = self._runs[id]
        if run.over or self._child is None:
            return False
        run.state = "stopping"
        self._child.stop()
        return True

    def stopService(self) -> Deferred[None] | None:
        """Stop the running experiment. Fires when its process is gone."""
        super().stopService()
        self._stopping = True
        running = next((run for run in self._runs.values() if not run.over), None)
        if running is not None:
            self.stop(running.id)
        if self._place_check is not None:
            self._place_check.stop()
        children = [child for child in (self._child, self._place_check) if child is not None]
        if not children:
            return None
        return DeferredList([child.ended for child in children]).addCallback(lambda _: None)

    def _places_checked(self, ending: Ending, output: bytes) -> None:
        self._place_check = None
        try:
            reasons = dict(json.loads(output)["labs"])
        except (ValueError, TypeError, KeyError, RecursionError):
            reasons = dict.fromkeys(PLACES, ending.last_line or "the check failed")
        for place in PLACES:
            if place in reasons and place != ExperimentOrder.lab:
                self._places[place] = reasons[place] and str(reasons[place])

    def _on_line(self, run: ExperimentRun, line: bytes) -> None:
        try:
            run.add_event(line)
        except (ValueError, RecursionError):
            self._log.warn("experiment {id}: not an event: {line!r}", id=run.id, line=line[:200])

    def _ended(self, ending: Ending, run: ExperimentRun) -> None:
        self._child = None
        run.end(ending, self._reactor.seconds())
        self._log.info("experiment {id}: {state}", id=run.id, state=run.state)

    def _new_folder(self, now: float) -> Path:
        name = datetime.fromtimestamp(now).strftime("%Y%m%d-%H%M%S")
        names = [name, *(f"{name}-{number}" for number in range(2, MAX_RUNS + 3))]
        folder = next(path for name in names if not (path := self._folder / name).exists())
        folder.mkdir()
        return folder

    def _forget(self, most: int) -> None:
        for id_ in list(self._runs)[: max(0, len(self._runs) - most)]:
            shutil.rmtree(self._runs.pop(id_).folder, ignore_errors=True)

    def _load(self, folder: Path) -> ExperimentRun | None:
        try:
            return load(folder)
        except (OSError, ValueError) as error:
            self._log.warn("experiment {id} is left out: {error}", id=folder.name, error=error)
            return None


def _is_run(folder: Path) -> bool:
    return _ID.fullmatch(folder.name) is not None
