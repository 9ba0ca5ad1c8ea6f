"""One experiment of the lab and its record: what was ordered, what happened, how it ended; kept in a folder of its own.

The folder has ``record.json``, and ``out`` with what the experiment wrote.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...events.history import History
from ...web.api.facade import Json
from .child import Ending
from .order import FAULTS, SCALE, Order
from .resources import RESULTS

RECORD = "record.json"
OUT = "out"
MAX_RESULT = 64 * 2**20
"""Bytes of a result beyond which it is not served."""
INCOMPLETE = 12
INTERRUPTED = 7
"""Exit codes of ``p2p experiment``: of a run that came to its end though not all copies are right; and of one that was
stopped."""
LOST = "the RS ended while this ran"


class Run:
    """One experiment. `state` is running, stopping, done, stopped or failed; times are Unix seconds."""

    def __init__(self, folder: Path, wanted: Order, started: float) -> None:
        self.folder = folder
        self.order = wanted
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
        """What follows ``p2p`` on the command line that runs it."""
        return ["experiment", self.order.task, *_options(self.order), "--out", str(self.folder / OUT)]

    def describe(self) -> Json:
        """Its id, state, order, times, why it failed, and which results there are: name -> path on this site."""
        names = [name for name, file in RESULTS.items() if self.over and (self.folder / OUT / file).is_file()]
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
        """The file `name` of its results, None if there is none (yet)."""
        path = self.folder / OUT / name
        try:
            return path.read_bytes() if self.over and path.stat().st_size <= MAX_RESULT else None
        except FileNotFoundError:
            return None

    def heard(self, line: bytes) -> None:
        """A line of events that the experiment printed. Raises ValueError or RecursionError when it is none."""
        event = json.loads(line)
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise ValueError("not an event")
        event.pop("report", None)  # a path of this machine; `describe` has where it is served
        self._note(event, optional=event["event"] == "progress")

    def end(self, how: Ending, now: float) -> None:
        """The experiment has ended. Raises OSError when that cannot be written down."""
        if self.state == "stopping" or how.code == INTERRUPTED:
            self.state = "stopped"
        else:
            self.state = "done" if how.code in (0, INCOMPLETE) else "failed"
        if self.state == "failed":
            self._error = how.last_words or "the experiment ended without a word"
        elif how.code == INCOMPLETE:
            self._error = "not every copy is there and right"
        self._ended = now
        self._note({"event": "over", **self.describe()})
        self.history.close()
        self.save()

    def save(self) -> None:
        """Write the record. Raises OSError."""
        times = {"started": self.started, "ended": self._ended}
        record = {"order": asdict(self.order), "state": self.state, **times, "error": self._error}
        draft = self.folder / f".{RECORD}"
        draft.write_text(json.dumps({**record, "events": self.history.kept}), "utf-8")
        draft.replace(self.folder / RECORD)

    def _note(self, event: Json, optional: bool = False) -> None:
        self.history.add(json.dumps(event, separators=(",", ":")), optional)


def _options(wanted: Order) -> list[str]:
    """Return the options of ``p2p experiment`` that an order stands for."""
    options = ["--up", wanted.up, "--down", wanted.down]
    if wanted.task == SCALE:
        doubled = [2**power for power in range(1, 6) if 2**power < wanted.peers]
        options += ["--peers", ",".join(map(str, [*doubled, wanted.peers]))]
    else:
        options += ["--peers", str(wanted.peers), "--files", str(wanted.files)]
    options += ["--size", str(wanted.size), "--seed", str(wanted.seed), "--events"]
    options += ["--swarm"] if wanted.swarm else []
    options += ["--repeat", str(wanted.repeat)] if wanted.repeat > 1 else []
    options += ["--lab", wanted.lab] if wanted.lab != Order.lab else []
    for name in FAULTS:
        for fault in getattr(wanted, name):
            options += [f"--{name}", fault]
    return [*options, "--churn", wanted.churn] if wanted.churn else options


def load(folder: Path) -> Run:
    """The run whose folder that is. Raises OSError, and ValueError when the record is none."""
    try:
        record: Any = json.loads((folder / RECORD).read_text("utf-8"))
        run = Run(folder, Order(**record["order"]), float(record["started"]))
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
