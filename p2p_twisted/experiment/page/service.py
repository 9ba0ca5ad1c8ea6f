"""The lab of an RS: experiments, one at a time, each in a process of its own; the last few are kept."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .child import Child, Ending
from .experiment_run import Run, load
from .order import PLACES, Order
from .resources import ExperimentBusy

KEPT = 10
UNKNOWN = "this is still being tried out"
"""Why a lab cannot be had before it is known whether it can."""
"""Runs whose results are kept."""
_ID = re.compile(r"[0-9]{8}-[0-9]{6}(-[0-9]+)?", re.ASCII)


class ExperimentService(Service):
    """Runs experiments in folders below `folder`. `reactor` is an IReactorProcess and IReactorTime."""

    _log = Logger()

    def __init__(self, reactor: Any, folder: Path) -> None:
        """Raises OSError when `folder` cannot be made or read."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self._reactor = reactor
        self._folder = folder
        self._child: Child | None = None
        self._asking: Child | None = None
        self._places: dict[str, str | None] = {place: None if place == Order.lab else UNKNOWN for place in PLACES}
        self._stopping = False
        runs = filter(None, map(self._load, filter(_is_run, folder.iterdir())))
        self._runs = {run.id: run for run in sorted(runs, key=lambda run: (run.started, run.id))}

    def startService(self) -> None:
        """Ask once, in a process of its own, which labs can be had here."""
        super().startService()
        said: list[bytes] = []
        self._asking = Child(self._reactor, ["experiment", "labs", "--json"], said.append)
        self._asking.ended.addCallback(lambda how: self._asked(how, b"".join(said)))

    def places(self) -> dict[str, str | None]:
        """Return the ways to have links, each with one line that says why it cannot be had here, or None."""
        return dict(self._places)

    def start(self, wanted: Order) -> Run:
        """Begin an experiment. Raises ExperimentBusy, and OSError when its folder cannot be made."""
        if self._stopping:
            raise ExperimentBusy("the RS stops")
        if self._child is not None:
            raise ExperimentBusy("an experiment runs already; stop it, or wait for its end")
        self._forget(KEPT - 1)
        now = self._reactor.seconds()
        run = Run(self._new_folder(now), wanted, now)
        run.save()
        self._child = Child(self._reactor, run.arguments, lambda line: self._heard(run, line))
        self._runs[run.id] = run
        self._child.ended.addCallback(self._ended, run).addErrback(
            lambda why: self._log.failure("lab {id}", why, id=run.id)
        )
        self._log.info("lab {id}: {order}", id=run.id, order=" ".join(run.arguments[1:-2]))
        return run

    def runs(self) -> list[Run]:
        """Those that are kept, the newest last."""
        return list(self._runs.values())

    def run(self, id: str) -> Run | None:  # noqa: A002
        """The one with that id."""
        return self._runs.get(id)

    def stop(self, id: str) -> bool:  # noqa: A002
        """Begin to end the run with that id; False if it is over."""
        run = self._runs[id]
        if run.over or self._child is None:
            return False
        run.state = "stopping"
        self._child.stop()
        return True

    def stopService(self) -> Deferred[None] | None:
        """Stop what runs. Fires when nothing of it is left."""
        super().stopService()
        self._stopping = True
        running = next((run for run in self._runs.values() if not run.over), None)
        if running is not None:
            self.stop(running.id)
        if self._asking is not None:
            self._asking.stop()
        return _all_ended([child for child in (self._child, self._asking) if child is not None])

    def _asked(self, how: Ending, said: bytes) -> None:
        self._asking = None
        try:
            reasons = dict(json.loads(said)["labs"])
        except (ValueError, TypeError, KeyError, RecursionError):
            reasons = dict.fromkeys(PLACES, how.last_words or "it could not be tried out")
        self._places |= {
            lab: reasons[lab] and str(reasons[lab]) for lab in PLACES if lab in reasons and lab != Order.lab
        }

    def _heard(self, run: Run, line: bytes) -> None:
        try:
            run.heard(line)
        except (ValueError, RecursionError):
            self._log.warn("lab {id}: not an event: {line!r}", id=run.id, line=line[:200])

    def _ended(self, how: Ending, run: Run) -> None:
        self._child = None
        run.end(how, self._reactor.seconds())
        self._log.info("lab {id}: {state}", id=run.id, state=run.state)

    def _new_folder(self, now: float) -> Path:
        name = datetime.fromtimestamp(now).strftime("%Y%m%d-%H%M%S")
        names = [name, *(f"{name}-{number}" for number in range(2, KEPT + 3))]
        folder = next(path for name in names if not (path := self._folder / name).exists())
        folder.mkdir()
        return folder

    def _forget(self, most: int) -> None:
        for id_ in list(self._runs)[: max(0, len(self._runs) - most)]:
            shutil.rmtree(self._runs.pop(id_).folder, ignore_errors=True)

    def _load(self, folder: Path) -> Run | None:
        try:
            return load(folder)
        except (OSError, ValueError) as error:
            self._log.warn("lab {id} is left out: {error}", id=folder.name, error=error)
            return None


def _is_run(folder: Path) -> bool:
    return _ID.fullmatch(folder.name) is not None


def _all_ended(children: Sequence[Child]) -> Deferred[None] | None:
    """Return what fires when all of them have ended, or None if there are none."""
    if not children:
        return None
    gone: Deferred[None] = Deferred()
    left = list(children)

    def ended(_: object, child: Child) -> None:
        left.remove(child)
        if not left:
            gone.callback(None)

    for child in children:
        child.ended.addBoth(ended, child)
    return gone
