"""Orders to download, by the command or by the API, and what must not come of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.soak.command import Command
from benchmarks.soak.record import Record, Version
from p2p_twisted.experiment.run.cluster import RS
from p2p_twisted.experiment.run.processes import Member
from p2p_twisted.web.control_client import ControlError

MAX_SECONDS = 180
"""An order that takes longer is a fault."""
SPREAD_SECONDS = 8
"""Seconds after which the other peers must know of a document."""
NEEDS_RUNNING = "no-holder", "peers-failed", "timeout", "checksum"
"""Kinds of errors that are explained when no running peer had the content all the time."""

Download = Mapping[str, Any]


@dataclass
class Order:
    """One order at ``downloader``: ``names`` (empty: all), given at ``start``; over at ``end``."""

    number: int
    downloader: str
    names: tuple[str, ...]
    start: float
    end: float = 0.0
    code: int | None = None
    """The exit code of the command, None for an order by the API."""
    download: Download | None = None
    """The download at its end, as the API shows it."""
    is_late: bool = False

    def __str__(self) -> str:
        what = " ".join(self.names) or "--all"
        return f"order {self.number}, {self.downloader}: get {what}" + (f", exit {self.code}" if self.code else "")


class CommandOrder:
    """An order by ``p2p get``, whose output goes into ``folder``."""

    def __init__(self, order: Order, peer: Member, folder: Path) -> None:
        self.order = order
        what = ("--", *order.names) if order.names else ("--all",)
        where = ("--state-dir", str(peer.state_dir))
        self._command = Command(folder / f"order{order.number}", "get", "--json", *where, *what)

    def is_over(self) -> bool:
        """Whether it is; then the order has its end."""
        if self._command.code is None:
            return False
        text = self._command.out.read_text()
        self.order.code, self.order.download = self._command.code, json.loads(text) if text.strip() else None
        return True

    def stop(self) -> None:
        """Wait no longer."""
        self._command.kill()


class ApiOrder:
    """An order by POST downloads. Raises ControlError when the peer cannot take it."""

    def __init__(self, order: Order, peer: Member) -> None:
        self.order = order
        self._peer = peer
        what = {"names": list(order.names)} if order.names else {"all": True}
        self._path = f"downloads/{peer.control.post('downloads', what)['id']}"

    def is_over(self) -> bool:
        """Whether it is; then the order has its end, unless the peer is gone."""
        try:
            download = self._peer.control.get(self._path)
        except ControlError:
            return True
        self.order.download = download
        return download["ended"] is not None

    def stop(self) -> None:
        """Wait no longer."""


def find_faults(order: Order, record: Record, here: Mapping[str, Version]) -> Iterator[str]:
    """Yield a line for each outcome of a finished order that the record does not explain.

    ``here`` is what the downloader has on its disk now.
    """
    if order.is_late:
        yield f"{order}: not over after {MAX_SECONDS} s"
        return
    if not record.lived(order.downloader, order.start, order.end):
        return
    if order.download is None:
        yield f"{order}: it ended without a download"
        return
    if not order.names:
        yield from _missed(order, record, here)
    files = order.download["files"]
    if order.code == 0 and any(file["state"] not in ("done", "there") for file in files):
        yield f"{order}: exit 0, and not all files are there"
    if order.download["error"] is not None and not files and record.lived(RS, order.start - SPREAD_SECONDS, order.end):
        yield f"{order}: {order.download['error']}"
    for file in files:
        if file["state"] not in ("done", "there"):
            yield from _unexplained(order, file, record, here)


def _unexplained(order: Order, file: Mapping[str, Any], record: Record, here: Mapping[str, Version]) -> Iterator[str]:
    """Yield why the failure of ``file`` cannot be: a peer had that content all the time, or the reason is no reason."""
    error = file["error"] or {"kind": None, "text": file["state"]}
    name, size, kind = file["name"], file["size"], error["kind"]
    said = f"{order}: {name}: {kind}: {error['text']}"
    if kind == "exists":
        if name not in here and not record.knew(order.downloader, name):
            yield f"{said}; {order.downloader} never had a file of that name"
        if name in here and here[name].size == size:
            yield f"{said}; it is the very content that was wanted"
    elif kind == "ambiguous":
        # a file counts as held once its order is over; one that runs may share an older content already
        if len(record.contents(name, order.start - MAX_SECONDS, order.end)) < 2:
            yield f"{said}; there was only one"
    elif kind == "rs-unreachable":
        if record.lived(RS, order.start - SPREAD_SECONDS, order.end):
            yield f"{said}; the RS ran all the time"
    elif kind not in NEEDS_RUNNING:
        yield said
    else:
        for holding in record.holders(order.start - SPREAD_SECONDS, order.end):
            if holding.peer != order.downloader and holding.name == name and size in (None, holding.version.size):
                yield f"{said}; {holding.peer} had it all the time"


def _missed(order: Order, record: Record, here: Mapping[str, Version]) -> Iterator[str]:
    """Yield what is not part of an order of everything though a running peer had it all the time."""
    assert order.download is not None
    ordered = {file["name"] for key in ("files", "passed_over") for file in order.download.get(key, ())}
    for holding in record.holders(order.start - SPREAD_SECONDS, order.end):
        name = holding.name
        if name not in ordered and name not in here and not record.knew(order.downloader, name):
            yield f"{order}: {name} is no part of it; {holding.peer} had it all the time"
