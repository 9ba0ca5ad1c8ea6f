"""``p2p rs``: the state and the peer records of the RS on this machine."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from .live import print_once, watch
from .options import Where, for_all, for_rs
from .output import duration, on_terminal, print_facts, print_json, print_table
from .rs_top import RsFrame
from .session import registry

LIMITS = "limits "
"""Before the name of a limit among the counts."""
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
    """Show the state of the RS: its TTL, the number of peers, and the limits that were reached."""
    with registry(where) as client:
        found = client.get("status")
    if where.as_json:
        print_json(found)
        return
    found["uptime"] = duration(found["uptime"])
    found["limits reached"] = _limits(found.pop("counts"))  # `p2p rs top` shows the others
    if found["problem"] is None:
        del found["problem"]
    print_facts(found.items())


def _limits(counts: dict[str, float]) -> str:
    """Return how often each limit was reached since the start."""
    reached = {name.removeprefix(LIMITS): int(n) for name, n in counts.items() if name.startswith(LIMITS) and n}
    return ", ".join(f"{name} {number}" for name, number in reached.items()) or "none"


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
            watch(partial(client.get, "status"), RsFrame)
            return
        status = client.get("status")
    if where.as_json:
        print_json(status)
    else:
        print_once(RsFrame(status))


def _row(item: dict[str, Any]) -> tuple[object, ...]:
    active = "yes" if item["isActive"] else "no"
    where = f"{item['hostName']}:{item['port']}"
    return where, active, item["TTL"], item["registered_count"], item["last_registered"]
