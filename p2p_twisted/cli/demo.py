"""``p2p demo``: a registration server and six peers on this machine do the main job, and every copy is checked."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..experiment.cluster import Cluster
from ..experiment.corpus import choose, make_corpus
from ..experiment.demo import Documents, Result, fetch_everything, judge
from ..experiment.processes import ClusterError

PEERS = 6
FILES = 60
OK, USAGE, PEERS_FAILED, INTERRUPTED, PART_FAILED = 0, 2, 5, 7, 12


@click.command()
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=f"Folder of documents; of more than {FILES}, the last {FILES} in natural order. "
    "Without it, the demo makes its own: text and PDF.",
)
@click.option("--keep", is_flag=True, help="Leave everything running and say how to talk to it and how to stop it.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def demo(corpus: Path | None, keep: bool, as_json: bool) -> None:
    """Run a registration server and six peers on this machine and let every peer fetch every document.

    60 documents are spread ten each; every peer fetches the other 50 from the others; all 360 copies are verified by
    their SHA-256. Exits 0 when all are right, 12 when some are not, 5 when a process fails, 7 when interrupted; in all
    cases nothing is left running or lying about, unless --keep is given.
    """
    say = Console(stderr=True, highlight=False)
    try:
        with Cluster(PEERS) as cluster:
            began = time.monotonic()
            documents = _documents(cluster, corpus)
            result = _run(cluster, documents, say)
            _show(result, time.monotonic() - began, as_json)
            if keep:
                cluster.keep()
                Console(stderr=as_json, highlight=False, soft_wrap=True).print(_how_to_talk(cluster), markup=False)
    except ClusterError as error:
        say.print(f"p2p demo: {error}", markup=False, soft_wrap=True)
        sys.exit(PEERS_FAILED)
    except KeyboardInterrupt:
        say.print("p2p demo: interrupted; everything was stopped")
        sys.exit(INTERRUPTED)
    sys.exit(OK if result.verified == result.expected else PART_FAILED)


def _documents(cluster: Cluster, corpus: Path | None) -> Documents:
    """Those of ``corpus``, or some of our own. Ends the command when there are none or they cannot be read."""
    own = cluster.folder / "corpus"
    try:
        documents = Documents(corpus or own, make_corpus(own, FILES) if corpus is None else choose(corpus, FILES))
        documents.spread(cluster.peers)
    except OSError as error:
        raise click.UsageError(f"--corpus: {error.filename}: {error.strerror}") from error
    if not documents:
        raise click.UsageError(f"--corpus: {corpus} has no documents in it")
    return documents


def _run(cluster: Cluster, documents: Documents, say: Console) -> Result:
    with _progress(say, "starting 7 processes", None):
        cluster.start()
        cluster.wait_for_documents(len(documents))
    with _progress(say, "fetching", len(documents) * (PEERS - 1)) as update:
        downloads = fetch_everything(cluster, update)
    return judge(cluster, documents, downloads)


@contextmanager
def _progress(say: Console, what: str, total: int | None) -> Iterator[Callable[[int, int], object]]:
    """A bar on stderr if that is a terminal; the block gets the function that moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=say, transient=True, disable=not say.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done, _: progress.update(task, completed=done)


def _show(result: Result, seconds: float, as_json: bool) -> None:
    summary = f"verified {result.verified} of {result.expected} files"
    if as_json:
        print(json.dumps(_as_json(result, seconds), indent=2))
        return
    out = Console(highlight=False)
    out.print(_table(result))
    for peer in result.peers:
        for name, reason in sorted(peer.failed.items()):
            out.print(f"{peer.role}: {name}: {reason}", markup=False, soft_wrap=True)
    out.print(f"{seconds:.1f} s altogether")
    out.print(summary)


def _table(result: Result) -> Table:
    table = Table("peer", title=f"{result.documents} documents, {len(result.peers)} peers")
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


def _how_to_talk(cluster: Cluster) -> str:
    def quoted(path: Path) -> str:
        return shlex.quote(str(path))

    rs, peer = cluster.rs.state_dir, cluster.peers[0].state_dir
    pids = " ".join(str(member.pid) for member in cluster.members)
    return "\n".join(
        [
            "",
            f"Left running; logs and files are in {cluster.folder}. Talk to a peer, or to the RS:",
            f"  p2p --state-dir {quoted(peer)} status",
            f"  p2p --state-dir {quoted(peer)} ls",
            f"  p2p --state-dir {quoted(rs)} rs peers",
            "Stop it and tidy up:",
            f"  kill {pids}; rm -r {quoted(cluster.folder)}",
        ]
    )
