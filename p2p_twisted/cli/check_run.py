"""Running the checks of ``p2p check``, and giving out their results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import IO, Any

import click

from ..check.model import Check, Result
from ..check.profile import ProfileError
from ..check.report.json_text import as_json
from ..check.report.run import Run, of_points
from ..check.report.table import bytes_of, headings, rows
from ..check.rubric import require_known, score
from ..check.runner import applicable, is_there, run
from ..check.server import Server, Target
from ..config.hosts import host_and_port
from . import exits
from .check_order import Order
from .output import on_terminal, print_json, print_table, say, warn


def check_server(
    order: Order,
    checks: Sequence[Check[Server]],
    address: str | None,
    ttl: float | None,
    timeout: float,
    is_list: bool,
    default_port: int,
    make: Callable[..., Target] = Target,
    **about: Any,
) -> None:
    """Run those of `checks` that fit, against the server at `address`; print and write the results, and exit.

    `default_port` is 0 if there is none. `about` are further arguments of `make`. Raises UsageError, and Failure if
    nobody is at the address.
    """
    chosen = choose(order, checks)
    if is_list:
        list_checks(order, chosen)
        return
    if address is None:
        raise click.UsageError("name the server to check: HOST:PORT")
    host, port = _host_and_port(address)
    if not (port or default_port):
        raise click.UsageError(f"name the port as well: {address}:PORT")
    target = make(host, port or default_port, order.profile, timeout, ttl, **about)
    if not is_there(target):
        text = f"nobody takes connections at {address}; start the server, and name its port"
        raise exits.Failure(exits.NOT_THERE, text)
    finish(order, address, with_progress(run(chosen, target), len(chosen)))


def finish(order: Order, address: str, results: Iterator[Result]) -> None:
    """Take the `results` as they come, then print and write them, and exit with 0 or 1.

    Raises OSError before the first result if a file cannot be written.
    """
    with ExitStack() as stack:
        opened = [(stack.enter_context(path.open("w", encoding="utf-8")), form) for path, form in order.files]
        found = Run(order.kind, address, order.profile.name, tuple(results))
        if order.rubric is not None:
            found = replace(found, score=score(order.rubric, found.results))
        _write(opened, found)
    _print(order, found)
    raise SystemExit(exits.OK if found.passed else exits.FAILED)


def _write(files: Sequence[tuple[IO[str], Callable[[Run], str]]], found: Run) -> None:
    for file, form in files:
        file.write(form(found))


def _print(order: Order, found: Run) -> None:
    if order.as_json:
        print_json(as_json(found))
    else:
        print_table(headings(found), rows(found), right=("points",))
        for result in found.results:
            if order.with_bytes and (order.only or not result.passed):
                for line in bytes_of(result):
                    say(line)
    warn(found.summary if found.score is None else f"{found.summary}; {of_points(found.score.total)} points")


def choose(order: Order, checks: Sequence[Check[Any]]) -> list[Check[Any]]:
    """Return the checks to run. Raises UsageError if --only, or the rubric, names one that is not there."""
    fitting = applicable(checks, order.profile)
    ids = {check.id: check.group for check in fitting}
    unknown = [id_ for id_ in order.only if id_ not in ids]
    if unknown:
        text = f"--only: the profile {order.profile.name} has no check {unknown[0]}; --list lists them"
        raise click.UsageError(text)
    if order.rubric is not None:
        try:
            require_known(order.rubric, ids)
        except ProfileError as error:
            raise click.UsageError(str(error)) from None
    return [check for check in fitting if not order.only or check.id in order.only]


def _host_and_port(address: str) -> tuple[str, int | None]:
    try:
        return host_and_port(address)
    except ValueError as error:
        raise click.UsageError(f"the address {error}, not {address!r}") from None


def list_checks(order: Order, checks: Sequence[Check[Any]]) -> None:
    """Print which checks there are."""
    columns = ("id", "group", "section", "mandatory", "title")
    items = [
        (check.id, check.group, check.section, order.profile.is_mandatory(check.id, check.mandatory), check.title)
        for check in checks
    ]
    if order.as_json:
        print_json({"items": [dict(zip(columns, item, strict=True)) for item in items]})
    else:
        print_table(columns, [(*item[:3], "yes" if item[3] else "no", item[4]) for item in items])


@contextmanager
def _status(total: int) -> Iterator[Callable[[int], None]]:
    """Show on stderr, if it is a terminal, how many of `total` checks are done."""
    if not on_terminal(err=True):
        yield lambda done: None
        return
    from rich.console import Console

    with Console(stderr=True).status(f"0 of {total} checks done") as shown:
        yield lambda done: shown.update(f"{done} of {total} checks done")


def with_progress(results: Iterator[Result], total: int) -> Iterator[Result]:
    """Yield `results`, and show how many of `total` there are already."""
    with _status(total) as show:
        for done, result in enumerate(results, 1):
            show(done)
            yield result
