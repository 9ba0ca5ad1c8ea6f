"""Carry out an experiment for the command line: show its progress, write results and report, print the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from ...cli import exits
from ...cli.extras import need_extra
from ...cli.output import clean, print_json, print_table, say, warn
from ...config.extras import EXPERIMENT
from ..plan.design import Design
from ..plan.orders import Plan
from ..report.findings import findings
from ..report.task_titles import titled
from ..results import Event, Results, Run, Sample
from ..run.execution import OnProgress
from ..run.interrupts import Interrupts
from ..run.iproute import PlaceError, ToolError
from ..run.processes import ClusterError
from ..run.suite import ProcessorsBusy, Suite
from ..summary import summarise
from .event_lines import EventLines


def carry_out(design: Design, out: Path | None, as_json: bool, as_events: bool) -> int:
    """Run the experiment, write everything into ``out``, print the findings; return the exit code.

    With ``as_events``, lines of JSON (``event_lines``) take the place of progress bars, tables and findings. Raises
    Failure, UsageError, OSError.
    """
    need_extra(*EXPERIMENT)
    folder = _make_folder(out)
    lines = EventLines(design.all_links, design.faults) if as_events else None
    with nullcontext(lines.run_starts) if lines else _progress_bars() as on_start:
        suite = Suite(design, on_start, lines.run_ended if lines else lambda run: None)
        code = _run(suite, folder)
    results = suite.results
    if not results.runs:
        folder.rmdir()
        return code
    _write_report(results, folder)
    if lines:
        lines.experiment_ended(findings(results), folder / "report.html")
    else:
        _print(results, folder, as_json)
    complete = all(run.complete for run in results.runs)
    return code or (exits.OK if complete else exits.PART_FAILED)


def _run(suite: Suite, folder: Path) -> int:
    """Run the suite; print a line if it fails, and return the exit code. Raises UsageError."""
    try:
        with Interrupts():
            suite.run(folder)
    except KeyboardInterrupt:
        pass
    except ValueError as error:
        folder.rmdir()
        raise click.UsageError(str(error)) from error
    except ClusterError as error:
        return _failed(exits.PEERS_FAILED, str(error))
    except ToolError as error:
        return _failed(exits.FAILED, f"{error}; --lab loopback works without it")
    except (PlaceError, ProcessorsBusy) as error:
        return _failed(exits.FAILED, str(error))
    else:
        if not any(run.interrupted for run in suite.runs):
            return exits.OK
    warn("interrupted; all processes were stopped, and the results so far are written")
    return exits.INTERRUPTED


def _failed(code: int, text: str) -> int:
    warn(text)
    return code


def _make_folder(out: Path | None) -> Path:
    """Make the folder for the results. Raises Failure if there is something in it."""
    folder = out or Path(f"p2p-experiment-{datetime.now():%Y%m%d-%H%M%S}")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise exits.Failure(exits.EXISTS, f"{folder} is not empty; name another folder with --out")
    return folder


@contextmanager
def _progress_bars() -> Iterator[Callable[[Plan, int], OnProgress]]:
    """Show a bar for each run on stderr if that is a terminal; yield the function that adds one."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def on_start(plan: Plan, repeat: int) -> OnProgress:
            text = f"{plan.task}, {len(plan.holdings)} peers, run {repeat}"
            task = progress.add_task(text, total=plan.bytes_wanted)

            def on_progress(samples: Sequence[Sample], events: Sequence[Event]) -> None:
                progress.update(task, completed=sum(sample.bytes for sample in samples))

            return on_progress

        yield on_start


def _write_report(results: Results, folder: Path) -> None:
    from ..report.figures import draw
    from ..report.html import write_report

    figures = folder / "figures"
    figures.mkdir()
    write_report(results, draw(results, figures), folder)


def _print(results: Results, folder: Path, as_json: bool) -> None:
    if as_json:
        print_json({"out": str(folder), "cases": _cases(results), "findings": findings(results)})
        return
    headings = ("task", "peers", "time (s)", "bound (s)", "ratio", "verified")
    print_table(headings, map(_row, results.cases.values()), right=headings[1:])
    for sentence in findings(results):
        say(clean(sentence))
    say(f"report: {folder / 'report.html'}")


def _row(runs: Sequence[Run]) -> list[object]:
    case = summarise(runs)
    seconds, ratio = (f"{case.seconds:.2f}", f"{case.ratio:.2f}") if case.complete else ("-", "-")
    title, verified = titled(runs[0].task, runs[0].swarm), f"{case.verified} of {case.expected}"
    return [title, case.peers, seconds, f"{case.bound:.2f}", ratio, verified]


def _cases(results: Results) -> list[dict[str, Any]]:
    summaries = [summarise(runs) for runs in results.cases.values()]
    return [{**asdict(summary), "ratio": summary.ratio} for summary in summaries]
