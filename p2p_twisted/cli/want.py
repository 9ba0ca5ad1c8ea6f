"""``p2p want`` and ``p2p mirror``: documents that the running peer keeps fetching, and folders that it keeps equal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from ..config.hosts import host_and_port
from ..web.control_client import ControlClient
from . import exits
from .options import UserPath, Where, address, for_running, is_several, text
from .output import clean, print_json, print_table, say, warn
from .session import running

EVERYTHING = "*"


@click.command()
@click.argument("pattern", required=False)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=UserPath(file_okay=False, resolve_path=True),
    help="Folder to keep them in. Without it: the peer's download folder.",
)
@click.option("--from", "holder", metavar="HOST:PORT", help="Only what this peer has counts.")
@click.option("--stop", metavar="PATTERN|ID", help="Stop a want; its files stay.")
@for_running
def want(where: Where, pattern: str | None, output: Path | None, holder: str | None, stop: str | None) -> None:
    """Keep fetching documents: those that there are now, those that appear, and new versions of them.

    PATTERN is a name, a pattern with * or ? (quote it), or FOLDER/ for all documents below that folder. Without
    PATTERN, list the wants of the running peer, and what is in the way of their documents.
    """
    if stop is not None and (pattern, output, holder) != (None, None, None):
        raise click.UsageError("--stop stands alone")
    if pattern is None and (output, holder) != (None, None):
        raise click.UsageError("name the documents to keep fetching")
    with running(where) as client:
        if stop is not None:
            _stop(where, client, text(stop, "--stop"))
        elif pattern is None:
            _list(where, client)
        else:
            _add(where, client, _order(pattern, output, holder))


@click.command()
@click.argument("what", metavar="PEER|PATTERN")
@click.argument("folder", metavar="DIR", type=UserPath(file_okay=False, resolve_path=True))
@click.option("--from", "holder", metavar="HOST:PORT", help="Only what this peer has counts.")
@click.option("--delete", is_flag=True, help="Remove files when their holders have removed them.")
@for_running
def mirror(where: Where, what: str, folder: Path, holder: str | None, delete: bool) -> None:
    """Keep DIR the same as what a PEER has, or as what the swarm has of PATTERN, new versions included.

    PEER is HOST:PORT, as 'p2p peers' shows it. The running peer does it until 'p2p want --stop', and goes on when it
    is started again. With --delete, a file is removed only if it was fetched by this, is unchanged, and its holders
    have said that they removed theirs: never because they cannot be reached. Any other file in DIR stays.
    """
    if _is_peer(what):
        if holder is not None:
            raise click.UsageError("--from goes with a PATTERN, not with a PEER")
        what, holder = EVERYTHING, what
    with running(where) as client:
        _add(where, client, {**_order(what, folder, holder), "delete": delete})


def _is_peer(what: str) -> bool:
    """Return whether `what` is the address of a peer, and no pattern."""
    try:
        return not is_several(what) and host_and_port(what)[1] is not None
    except ValueError:
        return False


def _order(pattern: str, output: Path | None, holder: str | None) -> dict[str, Any]:
    order: dict[str, Any] = {"pattern": text(pattern, "PATTERN")}
    if output is not None:
        order["dir"] = text(str(output), "the folder")
    if holder is not None:
        order["peer"] = address(holder, "--from")
    return order


def _add(where: Where, client: ControlClient, order: dict[str, Any]) -> None:
    found = client.post("wants", order)
    if where.as_json:
        print_json(found)
    else:
        say(f"{found['id']}: {clean(_what(found))} to {clean(found['directory'])}; 'p2p want' shows how it stands")


def _stop(where: Where, client: ControlClient, which: str) -> None:
    chosen = [item["id"] for item in client.get("wants")["items"] if which in (item["id"], item["pattern"])]
    if not chosen:
        raise exits.Failure(exits.FAILED, f"no want is {which}; 'p2p want' lists them")
    for id_ in chosen:
        left = client.delete(f"wants/{quote(id_, safe='')}")
    if where.as_json:
        print_json(left)
    else:
        say(f"stopped: {clean(which)}")


def _list(where: Where, client: ControlClient) -> None:
    found = client.get("wants")
    if where.as_json:
        print_json(found)
        return
    headings = ("id", "documents", "here", "to come", "problems", "deletes", "to")
    print_table(headings, map(_row, found["items"]), right=("here", "to come", "problems"), none="nothing is wanted")
    for item in found["items"]:
        for problem in item["problems"]:
            warn(f"{problem['name']}: {problem['why']}")


def _row(item: Mapping[str, Any]) -> tuple[object, ...]:
    deletes = "yes" if item["delete"] else "no"
    return item["id"], _what(item), item["here"], item["fetching"], item["problems_total"], deletes, item["directory"]


def _what(item: Mapping[str, Any]) -> str:
    return item["pattern"] if item["peer"] is None else f"{item['pattern']} of {item['peer']}"
