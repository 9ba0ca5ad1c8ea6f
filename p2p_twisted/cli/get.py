"""``p2p get``: order documents, watch them come, and say with what exit code it ended."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from . import exits
from .arguments import text, texts
from .options import UserPath, Where, for_peer
from .order import Download, Order
from .output import count, on_terminal, print_json, print_path, size, warn
from .progress import show_progress
from .session import peer, rs_trouble
from .sources import explain as explain_sources

SHOWN = 20
"""Failed files that are named one by one."""


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Fetch all that other peers have and this one lacks.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=UserPath(file_okay=False, resolve_path=True),
    help="Where to put them. Without it: the running peer's download folder; if none runs, the folder you are in.",
)
@click.option("--overwrite", is_flag=True, help="Replace files of that name that have another content.")
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(0, min_open=True), help="Give up after so many seconds."
)
@click.option("--no-swarm", is_flag=True, help="Fetch one document after the other, each whole from one peer.")
@click.option("--explain", is_flag=True, help="Say afterwards why each peer was chosen, and why it was dropped if so.")
@for_peer
def get(
    where: Where,
    names: tuple[str, ...],
    everything: bool,
    output: Path | None,
    overwrite: bool,
    timeout: float | None,
    no_swarm: bool,
    explain: bool,
) -> None:
    """Fetch documents by NAME, or all of them.

    Prints the path of each file that is there afterwards, when its output is not a terminal. Interrupted, it stops the
    download; what was fetched is kept, and the same command goes on from there.
    """
    if everything == bool(names):
        raise click.UsageError("name the documents, or say --all")
    deadline = time.monotonic() + timeout if timeout else None
    order: dict[str, Any] = {"all": True} if everything else {"names": texts(names, "NAME")}
    order |= {"overwrite": overwrite, "swarm": not no_swarm}
    with peer(where, deadline=deadline) as session:
        if session.own and output is None:
            output = Path.cwd()
        order["dir"] = None if output is None else text(str(output), "the folder")
        given = Order(session.client, session.client.post("downloads", order)["id"])
        try:
            with show_progress() as update:
                download = given.follow(update, deadline)
        finally:
            if explain and given.download is not None:
                explain_sources(given.download)
        rs = session.client.get("status")["rs"]
    _show(where, download)
    raise SystemExit(_code(download, rs))


def _show(where: Where, download: Download) -> None:
    if where.as_json:
        print_json(download)
        return
    files = download["files"]
    if not on_terminal():
        for file in files:
            if file["state"] in ("done", "there"):
                print_path(f"{download['directory']}/{file['name']}")
    failed = [file for file in files if file["state"] not in ("done", "there")]
    for file in failed[:SHOWN]:
        warn(_complaint(file, download))
    if len(failed) > SHOWN:
        warn(f"and {len(failed) - SHOWN} more; --json lists them all")
    _show_passed_over(download)
    if download["error"] is not None and not files:
        warn(download["error"]["text"])
    warn(_summary(download))


def _show_passed_over(download: Download) -> None:
    """Name the documents that an order for all has left out because of their names."""
    passed_over, number = download["passed_over"][:SHOWN], download["files_passed_over"]
    for file in passed_over:
        warn(f"{file['name']}: passed over: {file['why']}")
    if number:
        more = f"and {number - len(passed_over)} more; " if number > len(passed_over) else ""
        warn(f"{more}a document that was passed over is fetched when it is named")


def _complaint(file: Mapping[str, Any], download: Download) -> str:
    """Why `file` is not there; its name is before it, unless it is in it."""
    name, error = file["name"], file["error"] or download["error"]
    text = str(error["text"] if error else file["state"])
    is_named = text == f"no peer has {name}" or f"{download['directory']}/{name}" in text
    return text if is_named else f"{name}: {text}"


def _summary(download: Download) -> str:
    files = download["files"]
    if not files:
        others = "else " if download["files_passed_over"] else ""
        return f"nothing {others}to fetch: all that other peers are known to have is here"
    states = Counter(file["state"] for file in files)
    parts = []
    if done := states.pop("done", 0):
        parts.append(f"{count(done, 'file')} fetched to {download['directory']}, {_how(download)}")
    if there := states.pop("there", 0):
        parts.append(f"{count(there, 'file')} already in {download['directory']}")
    parts += [f"{count(number, 'file')} {state}" for state, number in states.items()]
    return "; ".join(parts)


def _how(download: Download) -> str:
    """Of what was fetched: bytes, time, rate, from how many."""
    done = [file for file in download["files"] if file["state"] == "done"]
    parts = [(address, part["bytes"]) for file in done for address, part in file["sources"].items()]
    whole, came = sum(file["got"] for file in done), sum(bytes_ for _, bytes_ in parts)
    earlier = f" ({size(whole - came)} of it was here)" if came < whole else ""
    took = download["ended"] - download["started"]
    peers = count(len({address for address, bytes_ in parts if bytes_}), "peer")
    return f"{size(whole)}{earlier} in {took:.1f} s, {size(round(download['rate']))}/s, from {peers}"


def _code(download: Download, rs: Mapping[str, Any]) -> int:
    """The exit code. That nobody has it means little while the RS, who knows the peers, cannot be reached."""
    code, trouble = exits.of_download(download), rs_trouble(rs)
    if trouble is None or (code != exits.NO_HOLDER and download["files"]):
        return code
    warn(trouble)
    return exits.RS_UNREACHABLE
