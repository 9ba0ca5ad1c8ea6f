"""``p2p top``: what the running peer downloads and sends, and to whom, each second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from ..web.control_client import ControlClient
from .live import Rows, print_once, watch
from .options import Where, for_running
from .output import count, duration, on_terminal, print_json, size
from .session import running

MOST = 15
"""Rows of a table in a terminal."""

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """What a peer says at one time: the answers to GET status, GET downloads and GET peers."""

    status: Answer
    downloads: Answer
    peers: Answer


def look(client: ControlClient) -> Look:
    """Ask the peer. Raises ControlError."""
    return Look(client.get("status"), client.get("downloads"), client.get("peers"))


class PeerFrame:
    """What is shown of `present`, and of `before`, `seconds` earlier, for rates."""

    def __init__(self, present: Look, before: Look | None = None, seconds: float = 0, most: int | None = None) -> None:
        """Show at most `most` rows of a table, None for all."""
        self._status = present.status
        self._downloads = present.downloads["items"][::-1]
        self._peers = present.peers["items"]
        self._most = most
        sent = present.status["uploaded"] - before.status["uploaded"] if before else 0
        self._up = sent / seconds if seconds else 0.0

    def facts(self) -> list[tuple[str, str]]:
        """Return pairs of a word and what it stands for."""
        status, rs = self._status, self._status["rs"]
        down = sum(one["rate"] for one in self._downloads if one["state"] == "running")
        registered = "registered" if rs["registered"] and not rs["last_error"] else rs["last_error"] or "no answer yet"
        return [
            ("peer", f"{status['host']}:{status['port']}, up {duration(status['uptime'])}"),
            ("RS", f"{rs['host']}:{rs['port']}, {registered}" if rs["host"] else registered),
            ("shares", f"{count(status['files'], 'file')}, {size(status['bytes'])}"),
            ("knows", f"{count(status['index_records'], 'record')} of {count(status['peers'], 'other peer')}"),
            ("down", self._rate(down, status["limits"]["down_rate"])),
            ("up", f"{self._rate(self._up, status['limits']['up_rate'])}, {size(status['uploaded'])} so far"),
        ]

    @staticmethod
    def _rate(rate: float, limit: float | None) -> str:
        return f"{_per_second(rate)}{'' if limit is None else f' of {_per_second(limit)}'}"

    def tables(self) -> list[Rows]:
        """Return the downloads, the newest first, and the peers, those with the highest rates first."""
        order = sorted(self._peers, key=lambda one: (-one["down_rate"] - one["up_rate"], -one["files"]))
        return [
            Rows(
                ("download", "state", "to", "done", "of", "rate", "left", "sources"),
                [self._download(one) for one in self._downloads[: self._most]],
                words=3,
            ),
            Rows(
                ("peer", "files", "seen", "from it", "to its host"),
                [self._peer(one) for one in order[: self._most]],
            ),
        ]

    @staticmethod
    def _download(one: Answer) -> list[str]:
        runs = one["state"] == "running"
        rate, left = _per_second(one["rate"]) if runs else "-", one["time_left"]
        done = [size(one["bytes_done"]), size(one["bytes_total"]), rate, "-" if left is None else duration(left)]
        return [one["id"], one["state"], one["directory"], *done, str(one["connected"]) if runs else "-"]

    @staticmethod
    def _peer(one: Answer) -> list[str]:
        rates = [_per_second(one[name]) if one[name] >= 1 else "-" for name in ("down_rate", "up_rate")]
        return [f"{one['host']}:{one['port']}", str(one["files"]), duration(one["last_seen"]), *rates]


def _per_second(rate: float) -> str:
    return f"{size(round(rate))}/s"


@click.command()
@for_running
def top(where: Where) -> None:
    """Watch what the running peer downloads and sends, each second; q quits.

    If the output is no terminal, it is one look.
    """
    with running(where) as client:
        if on_terminal() and not where.as_json:
            watch(partial(look, client), partial(PeerFrame, most=MOST))
            return
        found = look(client)
    if where.as_json:
        print_json({"status": found.status, "downloads": found.downloads["items"], "peers": found.peers["items"]})
    else:
        print_once(PeerFrame(found))
