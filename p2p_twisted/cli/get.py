"""``p2p get``: order documents, watch them come, and say with what exit code it ended."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from ..web.client import ControlClient, ControlError
from . import exits
from .options import Where, for_peer
from .output import clean, count, on_terminal, print_json, size, warn
from .progress import show_progress
from .session import peer

FIRST_POLL = 0.02
LAST_POLL = 0.25
"""Seconds between the first, and the later, looks at a download."""

SHOWN = 20
"""Failed files that are named one by one."""

KEPT = "what was fetched is kept: the same command goes on from there"

Download = Mapping[str, Any]


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Fetch all that other peers have and this one lacks.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    help="Where to put them. Without it: the running peer's download folder; if none runs, the folder you are in.",
)
@click.option("--overwrite", is_flag=True, help="Replace files of that name that have another content.")
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(0, min_open=True), help="Give up after so many seconds."
)
@for_peer
def get(
    where: Where, names: tuple[str, ...], everything: bool, output: Path | None, overwrite: bool, timeout: float | None
) -> None:
    """Fetch documents by NAME, or all of them.

    Prints the path of each file that is there afterwards, when its output is not a terminal. Interrupted, it stops the
    download; what was fetched is kept, and the same command goes on from there.
    """
    if everything == bool(names):
        raise click.UsageError("name the documents, or say --all")
    deadline = time.monotonic() + timeout if timeout else None
    order: dict[str, Any] = {"all": True} if everything else {"names": list(names)}
    with peer(where) as session:
        if session.own and output is None:
            output = Path.cwd()
        order["dir"] = None if output is None else str(output)
        id_ = session.client.post("downloads", {**order, "overwrite": overwrite})["id"]
        with show_progress() as update:
            download = _follow(session.client, id_, update, deadline)
        rs = session.client.get("status")["rs"]
    _show(where, download)
    raise SystemExit(_code(download, rs))


def _follow(client: ControlClient, id_: str, update: Callable[[Download], None], deadline: float | None) -> Download:
    """The download when it is over. Cancels it at Ctrl-C and at `deadline` (monotonic). Raises Failure."""
    try:
        return _poll(client, id_, update, deadline)
    except KeyboardInterrupt:
        _cancel(client, id_)
        raise exits.Failure(exits.INTERRUPTED, f"interrupted; {KEPT}") from None
    except TimeoutError:
        _cancel(client, id_)
        raise exits.Failure(exits.TIMEOUT, f"not done in time; {KEPT}") from None
    except ControlError as error:
        if error.kind not in ("lost", "not-running"):
            raise
        text = f"the peer stopped; start it again: {KEPT}"
        raise exits.Failure(exits.INTERRUPTED, text) from None


def _poll(client: ControlClient, id_: str, update: Callable[[Download], None], deadline: float | None) -> Download:
    pause = FIRST_POLL
    while True:
        asked = time.monotonic()
        download: Download = client.get(f"downloads/{id_}")
        update(download)
        if download["ended"] is not None:
            return download
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            raise TimeoutError
        # a download of very many files is long to describe: the peer is not to spend its time on that
        pause = max(min(LAST_POLL, pause * 1.2), 10 * (now - asked))
        time.sleep(pause if deadline is None else min(pause, deadline - now))


def _cancel(client: ControlClient, id_: str) -> None:
    try:
        client.delete(f"downloads/{id_}")
    except ControlError as error:
        if error.status not in (404, 409):
            warn(error.text)


def _show(where: Where, download: Download) -> None:
    if where.as_json:
        print_json(download)
        return
    files = download["files"]
    if not on_terminal():
        for file in files:
            if file["state"] in ("done", "there"):
                click.echo(clean(Path(download["directory"], file["name"])))
    failed = [file for file in files if file["state"] not in ("done", "there")]
    for file in failed[:SHOWN]:
        warn(f"{file['name']}: {_reason(file, download)}")
    if len(failed) > SHOWN:
        warn(f"and {len(failed) - SHOWN} more; --json lists them all")
    if download["error"] is not None and not files:
        warn(download["error"]["text"])
    warn(_summary(download))


def _reason(file: Mapping[str, Any], download: Download) -> str:
    error = file["error"] or download["error"]
    return str(error["text"] if error else file["state"])


def _summary(download: Download) -> str:
    files = download["files"]
    if not files:
        return "nothing to fetch: all that other peers are known to have is here"
    states = Counter(file["state"] for file in files)
    got = sum(file["got"] for file in files if file["state"] == "done")
    took = download["ended"] - download["started"]
    parts = []
    if done := states.pop("done", 0):
        parts.append(f"{count(done, 'file')} fetched to {download['directory']}, {size(got)} in {took:.1f} s")
    if there := states.pop("there", 0):
        parts.append(f"{count(there, 'file')} already in {download['directory']}")
    parts += [f"{count(number, 'file')} {state}" for state, number in states.items()]
    return "; ".join(parts)


def _code(download: Download, rs: Mapping[str, Any]) -> int:
    """The exit code. That nobody has it means little while the RS, who knows the peers, cannot be reached."""
    code = exits.of_download(download)
    if not rs["registered"] and (code == exits.NO_HOLDER or not download["files"]):
        warn(f"not registered with RS {rs['host']}:{rs['port']}: {rs['last_error'] or 'still trying'}")
        return exits.RS_UNREACHABLE
    return code
