"""An experiment carried out for the command line: progress shown, results and report written, whatever happens."""

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
from ...cli.extras import DISTRIBUTIONS, need_extra
from ...cli.output import clean, print_json, print_table, say, warn
from ..plan.design import Design
from ..plan.tasks import Plan
from ..report.findings import findings
from ..report.titles import titled
from ..results import Event, Results, Run, Sample, summarise
from ..run.interrupts import Interrupts
from ..run.iproute import PlaceError, ToolError
from ..run.processes import ClusterError
from ..run.runner import Watch
from ..run.suite import ProcessorsBusy, Suite
from .event_lines import Events


def carry_out(design: Design, out: Path | None, as_json: bool, as_events: bool) -> int:
    """Run it, write everything into ``out``, print the findings; the exit code. Raises Failure, UsageError, OSError.

    With ``as_events`` a line of JSON for each happening (``events``) takes the place of bars, tables and findings.
    """
    need_extra(*DISTRIBUTIONS)
    folder = _folder(out)
    events = Events(design.all_links, design.faults) if as_events else None
    with nullcontext(events.begins) if events else _progress() as on_run:
        suite = Suite(design, on_run, events.ended if events else lambda run: None)
        code = _run(suite, folder)
    results = suite.results
    if not results.runs:
        folder.rmdir()
        return code
    _write(results, folder)
    if events:
        events.over(findings(results), folder / "report.html")
    else:
        _show(results, folder, as_json)
    complete = all(run.complete for run in results.runs)
    return code or (exits.OK if complete else exits.PART_FAILED)


def _run(suite: Suite, folder: Path) -> int:
    """The exit code: 0 if it came to its end; else why it did not has been said."""
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
        return _failed(exits.FAILED, f"{error}; --lab loopback does without")
    except (PlaceError, ProcessorsBusy) as error:
        return _failed(exits.FAILED, str(error))
    else:
        if not any(run.interrupted for run in suite.runs):
            return exits.OK
    warn("interrupted; everything was stopped, what was found until then is written")
    return exits.INTERRUPTED


def _failed(code: int, text: str) -> int:
    warn(text)
    return code


def _folder(out: Path | None) -> Path:
    """Where the results go, made. Raises Failure when something is in it."""
    folder = out or Path(f"p2p-experiment-{datetime.now():%Y%m%d-%H%M%S}")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise exits.Failure(exits.EXISTS, f"{folder} is not empty; name another folder with --out")
    return folder


@contextmanager
def _progress() -> Iterator[Callable[[Plan, int], Watch]]:
    """A bar for each run on stderr, if that is a terminal; the block gets what makes them."""
    say = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=say, disable=not say.is_terminal) as progress:

        def on_run(plan: Plan, repeat: int) -> Watch:
            text = f"{plan.task}, {len(plan.holdings)} peers, run {repeat}"
            task = progress.add_task(text, total=plan.bytes_wanted)

            def watch(samples: Sequence[Sample], events: Sequence[Event]) -> None:
                progress.update(task, completed=sum(sample.bytes for sample in samples))

            return watch

        yield on_run


def _write(results: Results, folder: Path) -> None:
    from ..report.figures import draw
    from ..report.html import write_report

    figures = folder / "figures"
    figures.mkdir()
    write_report(results, draw(results, figures), folder)


def _show(results: Results, folder: Path, as_json: bool) -> None:
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
