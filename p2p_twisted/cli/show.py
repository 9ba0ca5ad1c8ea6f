"""The verbs that show the state of a peer: ``status``, ``peers``, ``ls``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from .options import Where, for_peer, text
from .output import count, duration, duration_field, print_facts, print_json, print_table, size, size_field
from .session import peer
from .sources import sites

ORDERS = {"name": "name", "title": "title", "size": "-size", "holders": "-holders"}
"""The orders of ``ls``, as the API names them."""
FIRST = 5
"""Files that are not shared and still named by ``status``."""


@click.command()
@for_peer
def status(where: Where) -> None:
    """Show the state of the peer: its RS, its shared files and its index."""
    with peer(where, news=True) as session:
        found = session.client.get("status")
    if where.as_json:
        print_json(found)
    else:
        print_facts(_facts(found))


def _facts(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rs = status["rs"]
    state = "registered" if rs["registered"] else f"not registered: {rs['last_error'] or 'trying'}"
    if rs["registered"] and rs["last_error"]:
        state = f"registered, but the RS does not answer: {rs['last_error']}"
    yield "peer", f"{status['host']}:{status['port']}, version {status['version']}, up {duration(status['uptime'])}"
    address = "" if rs["address"] in (None, rs["host"]) else f" ({rs['address']})"
    yield "RS", f"{rs['host']}:{rs['port']}{address}, {state}" if rs["host"] else state
    if rs["others"]:
        yield "RS chosen", rs["why"]
    if rs["reachable"] is False:
        yield "unreachable", rs["unreachable_why"]
    received = status["by_site"]
    yield "site", f"{status['site']}; received: {sites(received)}" if received["others"] else status["site"]
    yield "shares", f"{count(status['files'], 'file')}, {size(status['bytes'])}"
    readers = {private["path"]: ", ".join(private["readers"]) for private in status["private"]}
    for folder in status["shared"]:
        yield "folder", f"{folder} (only {readers[folder]})" if folder in readers else folder
    yield from _not_shared(status["not_shared"])
    yield "downloads", status["download_dir"]
    for name, rate in status["limits"].items():
        if rate is not None:
            yield name.replace("_", "-"), f"at most {size(round(rate))}/s"
    yield "knows", f"{count(status['index_records'], 'record')} of {count(status['peers'], 'other peer')}"
    for source in status["dropped_sources"]:
        yield "dropped", _dropped(source)


def _not_shared(unshared: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the number of files and folders that are not shared, and the first of them with the reason."""
    total, first = unshared["total"], unshared["items"][:FIRST]
    if total:
        yield "not shared", f"{total}, among them" if total > len(first) else str(total)
    for item in first:
        yield "not shared", f"{item['path']}: {item['why']}"


def _dropped(source: Mapping[str, Any]) -> str:
    when = "in a running download"
    if source["when"] is not None:
        when = f"in a download that ended {duration(max(0, time.time() - source['when']))} ago"
    return f"{source['host']}:{source['port']}, {when}: {source['why']}"


@click.command()
@for_peer
def peers(where: Where) -> None:
    """List the other peers: files, time since the last response, and failures since then."""
    with peer(where, news=True) as session:
        found = session.client.get("peers")
    if where.as_json:
        print_json(found)
        return
    rows = [
        (f"{one['host']}:{one['port']}", one["files"], duration_field(one["last_seen"]), one["failures"])
        for one in found["items"]
    ]
    print_table(("peer", "files", "seen", "failures"), rows, right=("files", "failures"), none="no other peer is known")


def _holders(item: Mapping[str, Any]) -> str:
    """Return the number of its holders, with a question mark if none of them has said so itself."""
    return f"{len(item['holders'])}{'' if item['first_hand'] else '?'}"


def _here(item: Mapping[str, Any]) -> str:
    """Return whether the document is here, and whether it is for some only."""
    return f"{'yes' if item['local'] else 'no'}{'' if item['readers'] is None else ', private'}"


@click.command()
@click.argument("pattern", default="")
@click.option(
    "--sort",
    type=click.Choice(list(ORDERS)),
    default="name",
    help="By name, title, size (the largest first) or holders.",
)
@for_peer
def ls(where: Where, pattern: str, sort: str) -> None:
    """List the documents that peers have; with PATTERN, those with all its words in their name or title.

    A word with * or ? is a pattern for the whole name; so is the complete PATTERN, spaces included. If a name has
    several contents, each is shown as NAME@HASH, which 'p2p get' accepts.
    """
    from .documents import choices, documents

    pattern = text(pattern, "PATTERN")
    with peer(where, news=True) as session:
        items = list(documents(session.client, pattern, ORDERS[sort]))
    if where.as_json:
        print_json({"total": len(items), "items": items})
        return
    names = choices(items)
    rows = [
        (name, size_field(item["size"]), _holders(item), _here(item), item["title"])
        for name, item in zip(names, items, strict=True)
    ]
    none = f"no document matches '{pattern}'" if pattern else "no known peer has a document"
    print_table(("name", "size", "peers", "here", "title"), rows, right=("size", "peers"), none=none)
