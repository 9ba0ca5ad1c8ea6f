"""``p2p demo``: an RS and six peers on this machine do the main job, and every copy is checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ...cli import exits
from ...cli.options import UserPath
from ...cli.output import clean, print_json, say
from ..corpus.choice import choose, make_corpus
from ..run.cluster import Cluster
from ..run.demo import Documents, Result, fetch_everything, judge
from ..run.processes import ClusterError
from .kept_demo import play

PEERS = 6
FILES = 60


@click.command()
@click.option(
    "--corpus",
    type=UserPath(exists=True, file_okay=False),
    metavar="DIR",
    help=f"Folder of documents; of more than {FILES}, the last {FILES} in natural order of their names. "
    "Without it, the demo makes its own: text and PDF.",
)
@click.option("--keep", is_flag=True, help="Go on running until Ctrl-C, and say what to type to play with it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def demo(context: click.Context, corpus: Path | None, keep: bool, as_json: bool) -> None:
    """Run a registration server and six peers on this machine and let every peer fetch every document.

    60 documents are spread ten each; every peer fetches the other 50 from the others; all 360 copies are verified by
    their SHA-256. With --keep all of them go on running, to play with, until Ctrl-C. Exits 0 when all copies are
    right, 12 when some are not, 5 when a process fails, 7 when interrupted before. Nothing is left running or lying
    about.
    """
    as_json = as_json or bool(context.find_root().params.get("as_json"))
    try:
        with Cluster(PEERS) as cluster:
            began = time.monotonic()
            result = _run(cluster, _documents(cluster, corpus))
            _show(result, time.monotonic() - began, as_json)
            if keep:
                play(cluster, on_stderr=as_json)
    except ClusterError as error:
        raise exits.Failure(exits.PEERS_FAILED, str(error)) from error
    except KeyboardInterrupt as interrupt:
        raise exits.Failure(exits.INTERRUPTED, "interrupted; everything was stopped") from interrupt
    context.exit(exits.OK if result.verified == result.expected else exits.PART_FAILED)


def _documents(cluster: Cluster, corpus: Path | None) -> Documents:
    """Return the documents of ``corpus``, or some made here. Ends the command when there are none, or none readable."""
    own = cluster.folder / "corpus"
    try:
        documents = Documents(corpus or own, make_corpus(own, FILES) if corpus is None else choose(corpus, FILES))
        documents.spread(cluster.peers)
    except OSError as error:
        raise click.UsageError(f"--corpus: {error.filename}: {error.strerror}") from error
    if not documents:
        raise click.UsageError(f"--corpus: {corpus} has no documents in it")
    return documents


def _run(cluster: Cluster, documents: Documents) -> Result:
    with _progress(f"starting {1 + PEERS} processes", None):
        cluster.start()
        cluster.wait_for_documents(len(documents))
    with _progress("fetching", len(documents) * (PEERS - 1)) as update:
        downloads = fetch_everything(cluster, update)
    return judge(cluster, documents, downloads)


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int, int], object]]:
    """Show a progress bar on stderr if that is a terminal; yield the function that moves it."""
    say = Console(stderr=True)
    counts = (MofNCompleteColumn(),) if total else ()
    columns = (TextColumn("{task.description}"), BarColumn(), *counts, TimeElapsedColumn())
    with Progress(*columns, console=say, transient=True, disable=not say.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done, _: progress.update(task, completed=done)


def _show(result: Result, seconds: float, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(result, seconds))
        return
    Console(highlight=False).print(_table(result))
    for peer in result.peers:
        for name, reason in sorted(peer.failed.items()):
            say(clean(f"{peer.role}: {name}: {reason}"))
    say(f"{seconds:.1f} s altogether")
    say(f"verified {result.verified} of {result.expected} files")


def _table(result: Result) -> Table:
    table = Table("peer", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("own files", "fetched", "bytes", "time (s)", "MB/s", "verified"):
        table.add_column(heading, justify="right")
    for peer in result.peers:
        rate = peer.bytes / peer.seconds / 1e6 if peer.seconds > 0 else 0.0
        counts = (str(peer.shared), str(peer.fetched), f"{peer.bytes:,}", f"{peer.seconds:.2f}", f"{rate:.1f}")
        table.add_row(peer.role, *counts, f"{peer.verified} of {result.documents}")
    return table


def _as_json(result: Result, seconds: float) -> dict[str, Any]:
    return {
        "documents": result.documents,
        "verified": result.verified,
        "expected": result.expected,
        "seconds": round(seconds, 3),
        "peers": [asdict(peer) for peer in result.peers],
    }
