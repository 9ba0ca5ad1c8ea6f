"""Results as files: ``results.json`` with everything, ``transfers.csv`` with a line for each transfer."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from .results import Results, Run, Transfer

TRACES = "traces"
"""The folder in that of the results which has the messages of each run."""


def as_json(results: Results) -> str:
    """Return everything as JSON, without spaces, which would be most of it."""
    found = {"setting": results.setting, "links": asdict(results.links), "runs": [*map(_run_as_json, results.runs)]}
    return json.dumps(found, separators=(",", ":")) + "\n"


def transfers_csv(results: Results) -> str:
    """Return a line of CSV for each transfer: task, repeat, then the members of Transfer."""
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


def _run_as_json(run: Run) -> dict[str, Any]:
    """Return the members of ``run``; ``corrupt`` is ``liars`` in the file, as in earlier versions."""
    members = {"liars" if name == "corrupt" else name: value for name, value in asdict(run).items()}
    return {**members, "ratio": run.ratio}
