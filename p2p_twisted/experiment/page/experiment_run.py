"""One experiment of the page and its record: order, events, end.

It has a folder of its own, with ``record.json``, and ``out`` for the files that the experiment writes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...events.history import History
from ...web.api.facade import Json
from ..result_files import TRACES
from .child import Ending
from .experiment_order import FAULTS, SCALE, ExperimentOrder

RECORD = "record.json"
OUT = "out"
RESULTS = {"report": "report.html", "results.json": "results.json", "transfers.csv": "transfers.csv"}
"""Last part of the path of a result on the site -> its file in OUT."""
MESSAGES = "messages"
"""Last part of the path of the page with the messages of its runs."""
MAX_RESULT = 64 * 2**20
"""Bytes of a result above which it is not served."""
INCOMPLETE = 12
"""Exit code of ``p2p experiment`` when copies are missing or wrong."""
INTERRUPTED = 7
"""Exit code of ``p2p experiment`` when it was interrupted."""
LOST = "the RS ended while this ran"
"""The error of a run that was running when the RS was killed."""


class ExperimentRun:
    """One experiment. `state` is running, stopping, done, stopped or failed; times are Unix seconds."""

    def __init__(self, folder: Path, order: ExperimentOrder, started: float) -> None:
        self.folder = folder
        self.order = order
        self.history: History[str] = History()
        self.state = "running"
        self.started = started
        self._ended: float | None = None
        self._error: str | None = None

    @property
    def id(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._ended is not None

    @property
    def arguments(self) -> Sequence[str]:
        """The arguments of the ``p2p`` command that runs it."""
        return ["experiment", self.order.task, *_options(self.order), "--out", str(self.folder / OUT)]

    def describe(self) -> Json:
        """Return its id, state, order, times, error, and the results: name -> path on this site."""
        names = [name for name, file in RESULTS.items() if self.over and (self.folder / OUT / file).is_file()]
        names += [MESSAGES] if self.traces() else []
        return {
            "id": self.id,
            "state": self.state,
            "order": asdict(self.order),
            "started": self.started,
            "ended": self._ended,
            "error": self._error,
            "results": {name: f"/lab/runs/{self.id}/{name}" for name in names},
        }

    def result(self, name: str) -> bytes | None:
        """Return the file `name` of its results, None if there is none (yet)."""
        path = self.folder / OUT / name
        try:
            return path.read_bytes() if self.over and path.stat().st_size <= MAX_RESULT else None
        except FileNotFoundError:
            return None

    def traces(self) -> dict[str, Path]:
        """Return the files with all messages, by the names of the runs: ``task1-3-1`` for the first of three peers."""
        return {path.stem: path for path in sorted((self.folder / OUT / TRACES).glob("*.jsonl"))} if self.over else {}

    def add_event(self, line: bytes) -> None:
        """Add an event, a line that the experiment printed. Raises ValueError or RecursionError if it is not one."""
        event = json.loads(line)
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise ValueError("not an event")
        event.pop("report", None)  # a path on this machine; `describe` has the path on the site
        self._add(event, optional=event["event"] == "progress")

    def end(self, ending: Ending, now: float) -> None:
        """Take note of the end of the experiment, and write the record. Raises OSError."""
        if self.state == "stopping" or ending.code == INTERRUPTED:
            self.state = "stopped"
        else:
            self.state = "done" if ending.code in (0, INCOMPLETE) else "failed"
        if self.state == "failed":
            self._error = ending.last_line or "the experiment ended without a message"
        elif ending.code == INCOMPLETE:
            self._error = "some copies are missing or wrong"
        self._ended = now
        self._add({"event": "over", **self.describe()})
        self.history.close()
        self.save()

    def save(self) -> None:
        """Write the record. Raises OSError."""
        times = {"started": self.started, "ended": self._ended}
        record = {"order": asdict(self.order), "state": self.state, **times, "error": self._error}
        draft = self.folder / f".{RECORD}"
        draft.write_text(json.dumps({**record, "events": self.history.kept}), "utf-8")
        draft.replace(self.folder / RECORD)

    def _add(self, event: Json, optional: bool = False) -> None:
        self.history.add(json.dumps(event, separators=(",", ":")), optional)


def _options(order: ExperimentOrder) -> list[str]:
    """Return the options of ``p2p experiment`` for an order."""
    options = ["--up", order.up, "--down", order.down]
    if order.task == SCALE:
        doubled = [2**power for power in range(1, 6) if 2**power < order.peers]
        options += ["--peers", ",".join(map(str, [*doubled, order.peers]))]
    else:
        options += ["--peers", str(order.peers), "--files", str(order.files)]
    options += ["--size", str(order.size), "--seed", str(order.seed), "--events"]
    options += ["--swarm"] if order.swarm else []
    options += ["--trace"] if order.trace else []
    options += ["--repeat", str(order.repeat)] if order.repeat > 1 else []
    options += ["--lab", order.lab] if order.lab != ExperimentOrder.lab else []
    for name in FAULTS:
        for fault in getattr(order, name):
            options += [f"--{name}", fault]
    return [*options, "--churn", order.churn] if order.churn else options


def load(folder: Path) -> ExperimentRun:
    """Return the run with that folder. Raises OSError, and ValueError if the record is damaged."""
    try:
        record: Any = json.loads((folder / RECORD).read_text("utf-8"))
        run = ExperimentRun(folder, ExperimentOrder(**record["order"]), float(record["started"]))
        run.history = History((int(number), str(data), bool(optional)) for number, data, optional in record["events"])
        run.state, run._error = str(record["state"]), record["error"]
        run._ended = record["ended"]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not the record of a run: {error!r}") from None
    if run.over:
        run.history.close()
    else:
        run.end(Ending(None, LOST), run.started)
    return run
