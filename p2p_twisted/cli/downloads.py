"""The verbs for the downloads of the running peer: ``downloads``, and ``pause``, ``resume``, ``retry``, ``cancel``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import click

from ..web.control_client import ControlClient
from .options import Where, for_running, text
from .output import count, duration, print_json, print_table, say, size
from .session import running


@click.command()
@for_running
def downloads(where: Where) -> None:
    """List the downloads of the running peer, the newest last."""
    with running(where) as client:
        found = client.get("downloads")
    if where.as_json:
        print_json(found)
        return
    headings = ("id", "state", "done", "of", "rate", "left", "failed", "to")
    right = ("done", "of", "rate", "left", "failed")
    print_table(headings, map(_row, found["items"]), right=right, none="nothing was downloaded since the peer started")


def _row(item: Mapping[str, Any]) -> tuple[object, ...]:
    runs = item["state"] == "running"
    rate = f"{size(round(item['rate']))}/s" if runs else "-"
    left = duration(item["time_left"]) if item["time_left"] is not None else "-"
    got, all_of_it = size(item["bytes_done"]), size(item["bytes_total"])
    return item["id"], item["state"], got, all_of_it, rate, left, item["files_failed"], item["directory"]


def _changing(
    name: str, states: tuple[str, ...], about: str, act: Callable[[ControlClient, str], Any]
) -> click.Command:
    """Return the verb `name`, which acts on the downloads that are given, or on all in one of `states`."""

    @click.command(name, help=f"{about}\n\nWithout ID, all of which this can be done.")
    @click.argument("ids", nargs=-1, metavar="[ID]...")
    @for_running
    def verb(where: Where, ids: tuple[str, ...]) -> None:
        with running(where) as client:
            chosen = [quote(text(one, "ID"), safe="") for one in ids] or _in(client, states)
            changed = [act(client, one) for one in chosen]
        if where.as_json:
            print_json({"items": changed})
        else:
            say(f"{name}: {count(len(changed), 'download')}")

    return verb


def _in(client: ControlClient, states: tuple[str, ...]) -> list[str]:
    items = client.get("downloads")["items"]
    return [item["id"] for item in items if item["state"] in states and (item["ended"] is None or item["files_failed"])]


pause = _changing(
    "pause",
    ("waiting", "running"),
    "Stop downloads for now; 'p2p resume' goes on with them.",
    lambda client, id_: client.post(f"downloads/{id_}/pause"),
)
resume = _changing(
    "resume",
    ("paused",),
    "Go on with downloads that are paused.",
    lambda client, id_: client.post(f"downloads/{id_}/resume"),
)
retry = _changing(
    "retry",
    ("failed",),
    "Try again what downloads that have ended have not got.",
    lambda client, id_: client.post(f"downloads/{id_}/retry"),
)
cancel = _changing(
    "cancel",
    ("waiting", "running", "paused"),
    "Stop downloads for good; what was fetched is kept, and 'p2p get' resumes.",
    lambda client, id_: client.delete(f"downloads/{id_}"),
)
