"""``p2p get``: start a download, follow it, and end with its exit code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from ..web.control_client import ControlClient, ControlError
from . import exits
from .documents import Wanted, find, look_up
from .follow import Download, Follower
from .options import UserPath, Where, address, for_peer, is_several, text, texts
from .outcome import NOTHING, Outcome
from .output import on_terminal, warn
from .progress import show_progress
from .session import Session, peer, refresh, rs_trouble
from .sources import explain as explain_sources


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Fetch all documents that this peer does not have.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=UserPath(file_okay=False, resolve_path=True),
    help="Folder to save them in. Without it: the running peer's download folder, or the current folder if no peer "
    "is running.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files that have another content.")
@click.option(
    "--from",
    "holders",
    metavar="HOST:PORT",
    multiple=True,
    help="Fetch only from this peer; may be repeated.",
)
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(0, min_open=True), help="Give up after this time.")
@click.option("--no-swarm", is_flag=True, help="Fetch one document after the other, each whole from one peer.")
@click.option("--explain", is_flag=True, help="Print afterwards why each source was chosen, and why it was banned.")
@click.option("--no-progress", is_flag=True, help="Show no progress bar.")
@for_peer
def get(
    where: Where,
    names: tuple[str, ...],
    everything: bool,
    output: Path | None,
    overwrite: bool,
    holders: tuple[str, ...],
    timeout: float | None,
    no_swarm: bool,
    explain: bool,
    no_progress: bool,
) -> None:
    """Fetch documents by NAME, or all of them.

    NAME may be a pattern with * or ? (quote it), FOLDER/ for all documents below that folder, or NAME@HASH, where HASH
    is the beginning of the SHA-256 of one content.

    If the output is not a terminal, prints the path of each file that is there afterwards. An interrupt stops the
    download; what was fetched is kept, and the same command resumes it.
    """
    if everything == bool(names):
        raise click.UsageError("give the names of documents, or --all")
    deadline = time.monotonic() + timeout if timeout else None
    wanted = texts(names, "NAME")
    body: dict[str, Any] = {"overwrite": overwrite, "swarm": not no_swarm}
    body["dir"] = None if output is None else text(str(output), "the folder")
    if holders:
        body["from"] = [address(holder, "--from") for holder in holders]
    with peer(where, news=any(map(is_several, wanted)), deadline=deadline) as session:
        if session.own and output is None:
            body["dir"] = text(str(Path.cwd()), "the folder")
        outcome = _fetch(session, None if everything else wanted, body, deadline, Shown(explain, not no_progress))
        trouble = rs_trouble(session.client.get("status")["rs"])
    outcome.show(where.as_json)
    code = outcome.code()
    if trouble is not None and (code == exits.NO_HOLDER or (everything and not outcome.download["files"])):
        warn(trouble)  # who the RS would have named may have it
        code = exits.RS_UNREACHABLE
    raise SystemExit(code)


class Shown(NamedTuple):
    """What is shown of a download: its sources in a table at the end, and its progress in a bar."""

    sources: bool
    progress: bool


def _fetch(
    session: Session, wanted: list[str] | None, body: dict[str, Any], deadline: float | None, shown: Shown
) -> Outcome:
    """Fetch the documents that `wanted` means, None for all; `body` has the other members of the request."""
    client = session.client
    if wanted is None:
        return Outcome(_carry_out(client, body | {"all": True}, deadline, shown))
    found = _find(session, wanted, body, deadline)
    download = NOTHING
    if found.names:
        download = _carry_out(client, body | {"names": found.names}, deadline, shown)
    unknown = [file["name"] for file in download["files"] if (file["error"] or {}).get("kind") == "no-holder"]
    if not unknown and not found.here:
        return Outcome(download, missing=found.missing, skipped=found.skipped)
    lookup = look_up(client, [*found.here, *unknown], client.get("status")["shared"])
    hashes = {name: hash_.lower() for name, _, hash_ in (argument.rpartition("@") for argument in wanted)}
    paths = {name: lookup.path(name, hashes.get(name, "")) for name in [*sorted(found.here), *unknown]}
    here = {name: path for name, path in paths.items() if path is not None}
    reasons = {name: reason for name in unknown if (reason := lookup.reason(name)) is not None}
    return Outcome(download, here, reasons, found.missing, found.skipped)


def _find(session: Session, wanted: Sequence[str], body: dict[str, Any], deadline: float | None) -> Wanted:
    """Return the documents that the arguments mean; query the other peers before one means nothing."""
    if not any(map(is_several, wanted)):  # names alone are for the peer to find
        return Wanted(list(wanted))
    arguments = wanted, body.get("from", ()), body["dir"] is not None
    found = find(session.client, *arguments)
    if found.missing and not session.own:
        refresh(session.client, deadline)
        found = find(session.client, *arguments)
    return found


def _carry_out(client: ControlClient, body: dict[str, Any], deadline: float | None, shown: Shown) -> Download:
    """Start the download that `body` requests, and show it; return it when it has ended. Raises Failure."""
    try:
        id_ = client.post("downloads", body)["id"]
    except ControlError as error:
        if error.status != 413:
            raise
        text = f"{len(body['names'])} names are too many for one download; give narrower patterns, or --all"
        raise exits.Failure(exits.FAILED, text) from None
    bar = shown.progress and on_terminal(err=True)
    follower = Follower(client, id_, shown.sources or bar)
    try:
        with show_progress(bar) as update:
            return follower.follow(update, deadline)
    finally:
        if shown.sources and follower.download is not None:
            explain_sources(follower.download)
