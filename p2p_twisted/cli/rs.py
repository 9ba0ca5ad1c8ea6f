"""``p2p rs``: the state and the peer records of the RS on this machine."""

from __future__ import annotations

from typing import Any

import click

from .options import Where, for_all, for_rs
from .output import duration, on_terminal, print_facts, print_json, print_table, say
from .rs_top import Frame, watch
from .session import registry

PAGE = 1000
"""Records asked for at a time."""


@click.group()
@for_all
def rs(**_: object) -> None:
    """Show the state of the RS on this machine.

    Its state folder is the user's own for an RS, or the one given with --state-dir.
    """


@rs.command()
@for_rs
def status(where: Where) -> None:
    """Show the state of the RS: its TTL, and the number of peers."""
    with registry(where) as client:
        found = client.get("status")
    if where.as_json:
        print_json(found)
        return
    found["uptime"] = duration(found["uptime"])
    del found["counts"]  # `p2p rs top` shows them
    print_facts(found.items())


@rs.command()
@for_rs
def peers(where: Where) -> None:
    """List all peers that ever registered, by address."""
    items: list[dict[str, Any]] = []
    total = 1
    with registry(where) as client:
        while len(items) < total:
            page = client.get("peers", limit=PAGE, offset=len(items))
            items += page["items"]
            total = page["total"] if page["items"] else 0
    if where.as_json:
        print_json({"total": len(items), "items": items})
        return
    headings = ("peer", "active", "TTL", "count", "last registered")
    print_table(headings, map(_row, items), right=("TTL", "count"), none="no peer has registered with this RS yet")


@rs.command()
@for_rs
def top(where: Where) -> None:
    """Watch what the RS does, each second; q quits.

    If the output is no terminal, it is one look: the averages since the start.
    """
    with registry(where) as client:
        if on_terminal() and not where.as_json:
            watch(client)
            return
        status = client.get("status")
    frame = Frame(status)
    if where.as_json:
        print_json(status)
        return
    print_facts(frame.facts())
    for row in frame.rows():
        say("\t".join(row))


def _row(item: dict[str, Any]) -> tuple[object, ...]:
    active = "yes" if item["isActive"] else "no"
    where = f"{item['hostName']}:{item['port']}"
    return where, active, item["TTL"], item["registered_count"], item["last_registered"]
