"""``p2p demo``: an RS and six peers on this machine exchange documents, and every copy is verified."""

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
from ..corpus.samples import make_corpus
from ..corpus.selection import choose
from ..run.cluster import Cluster
from ..run.full_exchange import ExchangeResult, download_everything, verify_exchange
from ..run.originals import Originals
from ..run.processes import ClusterError
from .kept_demo import keep_running

PEERS = 6
FILES = 60


@click.command()
@click.option(
    "--corpus",
    type=UserPath(exists=True, file_okay=False),
    metavar="DIR",
    help=f"Folder of documents; of more than {FILES}, the last {FILES} in natural order of their names. "
    "Default: generated documents, text and PDF.",
)
@click.option("--keep", is_flag=True, help="Keep running until Ctrl-C, and print commands to try.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def demo(context: click.Context, corpus: Path | None, keep: bool, as_json: bool) -> None:
    """Run a registration server and six peers on this machine and let every peer fetch every document.

    Each peer starts with ten of 60 documents and fetches the other 50 from the other peers; all 360 copies are verified
    by their SHA-256. With --keep, all processes keep running until Ctrl-C. Exits 0 if all copies are right, 12 if some
    are not, 5 if a process fails, 7 if interrupted. All processes and files are removed at the end.
    """
    as_json = as_json or bool(context.find_root().params.get("as_json"))
    try:
        with Cluster(PEERS) as cluster:
            start = time.monotonic()
            result = _run(cluster, _documents(cluster, corpus))
            _show(result, time.monotonic() - start, as_json)
            if keep:
                keep_running(cluster, on_stderr=as_json)
    except ClusterError as error:
        raise exits.Failure(exits.PEERS_FAILED, str(error)) from error
    except KeyboardInterrupt as interrupt:
        raise exits.Failure(exits.INTERRUPTED, "interrupted; all processes were stopped") from interrupt
    context.exit(exits.OK if result.verified == result.expected else exits.PART_FAILED)


def _documents(cluster: Cluster, corpus: Path | None) -> Originals:
    """Return the documents of ``corpus``, or generated ones. Raises UsageError if there are none, or none readable."""
    generated = cluster.folder / "corpus"
    try:
        paths = make_corpus(generated, FILES) if corpus is None else choose(corpus, FILES)
        documents = Originals(corpus or generated, paths)
        documents.spread(cluster.peers)
    except OSError as error:
        raise click.UsageError(f"--corpus: {error.filename}: {error.strerror}") from error
    if not documents:
        raise click.UsageError(f"--corpus: {corpus} has no documents in it")
    return documents


def _run(cluster: Cluster, documents: Originals) -> ExchangeResult:
    with _progress(f"starting {1 + PEERS} processes", None):
        cluster.start()
        cluster.wait_for_documents(len(documents))
    with _progress("fetching", len(documents) * (PEERS - 1)) as update:
        downloads = download_everything(cluster, update)
    return verify_exchange(cluster, documents, downloads)


@contextmanager
def _progress(text: str, total: int | None) -> Iterator[Callable[[int, int], object]]:
    """Show a progress bar on stderr if that is a terminal; yield the function that moves it."""
    console = Console(stderr=True)
    counts = (MofNCompleteColumn(),) if total else ()
    columns = (TextColumn("{task.description}"), BarColumn(), *counts, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(text, total=total)
        yield lambda done, _: progress.update(task, completed=done)


def _show(result: ExchangeResult, seconds: float, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(result, seconds))
        return
    Console(highlight=False).print(_table(result))
    for peer in result.peers:
        for name, reason in sorted(peer.failed.items()):
            say(clean(f"{peer.role}: {name}: {reason}"))
    say(f"{seconds:.1f} s altogether")
    say(f"verified {result.verified} of {result.expected} files")


def _table(result: ExchangeResult) -> Table:
    table = Table("peer", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("own files", "fetched", "bytes", "time (s)", "MB/s", "verified"):
        table.add_column(heading, justify="right")
    for peer in result.peers:
        rate = peer.bytes / peer.seconds / 1e6 if peer.seconds > 0 else 0.0
        counts = (str(peer.shared), str(peer.fetched), f"{peer.bytes:,}", f"{peer.seconds:.2f}", f"{rate:.1f}")
        table.add_row(peer.role, *counts, f"{peer.verified} of {result.documents}")
    return table


def _as_json(result: ExchangeResult, seconds: float) -> dict[str, Any]:
    return {
        "documents": result.documents,
        "verified": result.verified,
        "expected": result.expected,
        "seconds": round(seconds, 3),
        "peers": [asdict(peer) for peer in result.peers],
    }
