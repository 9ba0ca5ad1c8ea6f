"""``p2p corpus``: generate documents to share (``make``), or fetch RFCs from a mirror (``fetch``)."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...cli import exits
from ...cli.options import UserPath
from ...cli.output import clean, print_json, say
from ..corpus.rfc_fetch import RFC_EDITOR, Fetcher, Outcome, parse_numbers
from ..corpus.samples import MAX_COUNT, make_corpus, spread_sizes


@click.group()
def corpus() -> None:
    """Get documents to share: generate some, or fetch RFCs."""


@corpus.command()
@click.argument("directory", metavar="DIR", type=UserPath(file_okay=False))
@click.option("--count", metavar="N", type=click.IntRange(1, MAX_COUNT), default=60, show_default=True)
@click.option("--sizes", metavar="MIN-MAX", help="Smallest and largest size in bytes. Default: 7 KB and 228 KB.")
@click.option("--total", metavar="BYTES", type=click.IntRange(1), help="Size of all together. Default: 42 KB each.")
@click.option(
    "--seed",
    "random_seed",
    metavar="S",
    default=0,
    show_default=True,
    help="Random seed; the same one gives the same documents.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def make(directory: Path, count: int, sizes: str | None, total: int | None, random_seed: int, as_json: bool) -> None:
    """Write N documents into DIR, text and PDF in turn, with sizes like those of RFCs.

    Files that are there with the same content are left alone. Exits 11 if another file has the name of a document.
    """
    if sizes and total:
        raise click.UsageError("give --sizes or --total, not both")
    try:
        paths = make_corpus(directory, count, random_seed, spread_sizes(count, random_seed, _limits(sizes), total))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except FileExistsError as error:
        raise exits.Failure(exits.EXISTS, str(error)) from error
    except OSError as error:
        raise _unwritable(error) from error
    size = sum(path.stat().st_size for path in paths)
    if as_json or _json_wanted():
        print_json({"directory": str(directory), "files": [path.name for path in paths], "bytes": size})
    else:
        say(f"{len(paths)} documents, {size:,} bytes, in {directory}")


@corpus.command()
@click.argument("numbers", metavar="NUMBERS")
@click.argument("directory", metavar="DIR", type=UserPath(file_okay=False))
@click.option("--mirror", metavar="URL", default=RFC_EDITOR, show_default=True, help="Where the RFCs are.")
@click.option("--type", "kind", type=click.Choice(["txt", "pdf"]), default="txt", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fetch(numbers: str, directory: Path, mirror: str, kind: str, as_json: bool) -> None:
    """Fetch the RFCs NUMBERS, such as 8423-8496 or 791,8446, into DIR.

    At most three at a time, and two requests a second. RFCs that are there already are not fetched again, and
    interrupted ones are resumed. Exits 12 if the mirror lacks some or some failed, 7 if interrupted.
    """
    try:
        wanted = parse_numbers(numbers)
        outcome = _fetch(wanted, directory, mirror, kind)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise _unwritable(error) from error
    except KeyboardInterrupt as interrupt:
        text = "interrupted; the same command resumes"
        raise exits.Failure(exits.INTERRUPTED, text) from interrupt
    if as_json or _json_wanted():
        print_json(_as_json(outcome))
    else:
        _show(outcome, len(wanted), directory)
    click.get_current_context().exit(exits.PART_FAILED if outcome.missing or outcome.failed else exits.OK)


def _json_wanted() -> bool:
    """Return whether ``--json`` was given before the verb."""
    return bool(click.get_current_context().find_root().params.get("as_json"))


def _limits(sizes: str | None) -> tuple[int, int] | None:
    if sizes is None:
        return None
    found = re.fullmatch(r"([0-9]{1,12})-([0-9]{1,12})", sizes)
    if found is None:
        raise click.UsageError(f"--sizes: {sizes!r} is not two numbers of bytes such as 2000-50000")
    return int(found[1]), int(found[2])


def _fetch(wanted: list[int], directory: Path, mirror: str, kind: str) -> Outcome:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"RFCs ({kind})", total=len(wanted))
        return Fetcher(directory, mirror, kind, on_document=lambda number: progress.advance(task)).run(wanted)


def _show(outcome: Outcome, wanted: int, directory: Path) -> None:
    size = sum(path.stat().st_size for path in outcome.fetched)
    there = f", {len(outcome.present)} existed already" if outcome.present else ""
    say(f"{len(outcome.fetched)} of {wanted} fetched ({size:,} bytes){there}, in {directory}")
    if outcome.missing:
        say("not on the mirror: " + ", ".join(map(str, outcome.missing)))
    for number, reason in sorted(outcome.failed.items()):
        say(clean(f"rfc{number}: {reason}"))


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "fetched": sorted(map(str, outcome.fetched)),
        "present": sorted(map(str, outcome.present)),
        "missing": outcome.missing,
        "failed": {str(number): reason for number, reason in sorted(outcome.failed.items())},
    }


def _unwritable(error: OSError) -> exits.Failure:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    where = error.filename or "the folder"
    return exits.Failure(exits.DISK_FULL if full else exits.FAILED, f"{where}: {error.strerror}")
