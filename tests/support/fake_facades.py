"""A peer and an experiment service that are nothing but their facades."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from p2p_twisted.events.durations import Durations
from p2p_twisted.events.history import History
from p2p_twisted.events.publisher import Publisher
from p2p_twisted.events.types import DownloadEnded
from p2p_twisted.experiment.page.experiment_order import ExperimentOrder
from p2p_twisted.experiment.page.service import ExperimentBusy
from p2p_twisted.index.query import Query
from p2p_twisted.rs.counts import RequestCounts
from p2p_twisted.web.api import download_schema, rs_schema, schema, search_schema, want_schema
from p2p_twisted.wire.search_terms import Term, format_terms
from tests.support.answers import from_json


def a_file(name: str, state: str, size: int = 1000, kind: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "size": size,
        "got": size if state in ("done", "there") else 0,
        "pieces": {
            "have": int(state in ("done", "there")),
            "total": 1,
            "map": str(9 * int(state in ("done", "there"))),
        },
        "state": state,
        "sources": {"127.0.0.1:65401": {"bytes": size, "started": 1000.5, "ended": 1001.0}} if state == "done" else {},
        "started": 1000.0,
        "ended": 1001.0,
        "error": {"kind": kind, "text": f"{name} went wrong: {kind}"} if kind else None,
    }


def a_source(port: int, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": port,
        "state": "connected",
        "bytes": 1000,
        "rate": 500.0,
        "chosen": {"rarest piece": 1},
        "wrong_pieces": 0,
        "dropped": None,
        **more,
    }


def a_download(id_: str, files: list[dict[str, Any]], state: str, kind: str | None = None) -> dict[str, Any]:
    return {
        "id": id_,
        "state": state,
        "directory": "/tmp/fetched",
        "started": 1000.0,
        "ended": None if state in ("waiting", "running") else 1002.5,
        "error": {"kind": kind, "text": f"all of it went wrong: {kind}"} if kind else None,
        "files_total": len(files),
        "files_done": sum(file["state"] in ("done", "there") for file in files),
        "files_passed_over": 0,
        "files_failed": sum(file["state"] == "failed" for file in files),
        "bytes_total": sum(file["size"] for file in files),
        "bytes_done": sum(file["got"] for file in files),
        "rate": 1234.5,
        "time_left": None,
        "connected": 0,
        "received": 1000,
        "duplicate": 0,
        "by_site": {"own": 1000, "others": 0, "saved": 0},
        "sources": [a_source(65401)] if files else [],
        "passed_over": [],
        "files": files,
    }


def a_document(number: int) -> dict[str, Any]:
    return {
        "name": f"rfc{number}.txt.pdf",
        "type": "pdf",
        "title": f"Document {number}",
        "size": number,
        "sha256": f"{number:064x}",
        "local": number % 2 == 0,
        "first_hand": True,
        "readers": ["alice"] if number == 4 else None,
        "holders": [{"host": "127.0.0.1", "port": 65401, "ttl": 7000}],
    }


def outcome(name: str) -> tuple[str, str | None]:
    """How the fetch of `name` ends: ``done_x``, ``there_x``, ``running_x``; ``KIND_x`` fails for that reason."""
    word = name.split("_")[0]
    return (word, None) if word in ("done", "there", "running") else ("failed", word)


def summary_of(download: dict[str, Any]) -> download_schema.DownloadSummary:
    """Return `download` without its files and sources."""
    names = [field.name for field in fields(download_schema.DownloadSummary)]
    return from_json(download_schema.DownloadSummary, {name: download[name] for name in names})


async def an_rs_status() -> rs_schema.RsStatus:
    counts = {**RequestCounts().numbers(61, {}), **Durations().numbers("delays"), "commits": 3.0}
    counts["limits cookies"] = 122.0
    return rs_schema.RsStatus("rs", "0.2.0", 61, ttl=7200, active=1, records=2, connections=0, waiting=0, counts=counts)


class FakePeer:
    """A PeerFacade. A document's name says how fetching it ends: see `outcome`."""

    def __init__(self) -> None:
        self.events = Publisher()
        self.documents = [a_document(number) for number in range(1, 11)]
        self.running: dict[str, dict[str, Any]] = {}
        self.orders: list[tuple[object, ...]] = []
        self.wanted: dict[str, want_schema.Want] = {}
        self.shared: list[str] = []
        self.contents: dict[str, bytes] = {}
        self.searches: list[tuple[str, int, bool]] = []
        self.refreshed: list[Deferred[None]] = []
        self.hold_refresh = False
        self.registered = True
        self.rs_error: str | None = None
        self.rates: dict[str, float | None] = {"up_rate": None, "down_rate": None}

    def status(self) -> schema.PeerStatus:
        return from_json(schema.PeerStatus, self._status())

    def _status(self) -> dict[str, Any]:
        return {
            "role": "peer",
            "version": "0.2.0",
            "host": "127.0.0.1",
            "port": 65400,
            "rs": {
                "host": "127.0.0.1",
                "port": 65423,
                "address": "127.0.0.1",
                "why": "it is the only one",
                "others": [],
                "registered": self.registered,
                "last_error": self.rs_error,
                "reachable": True,
                "unreachable_why": None,
            },
            "shared": ["/srv/documents", *self.shared],
            "private": [{"path": "/srv/documents", "readers": ["alice", "bob"]}],
            "download_dir": "/tmp/fetched",
            "files": 12,
            "bytes": 3456789,
            "not_shared": {
                "total": 7,
                "items": [
                    {"path": f"/srv/documents/{i}", "why": "is a link; links are not followed"} for i in range(7)
                ],
            },
            "index_records": 60,
            "peers": 5,
            "uploaded": 1000,
            "site": "lyon-2",
            "by_site": {"own": 5_000_000, "others": 1_000_000, "saved": 4_000_000},
            "dropped_sources": [
                {"host": "127.0.0.1", "port": 65401, "why": "3 hash failures", "when": 1000.5},
                {"host": "127.0.0.1", "port": 65402, "why": "it was closed", "when": None},
            ],
            "limits": self.rates,
            "uptime": 7384.2,
        }

    def peers(self) -> schema.OtherPeers:
        first = schema.OtherPeer("127.0.0.1", 65401, files=10, last_seen=12.3, failures=0, up_rate=0.0, down_rate=2e6)
        second = schema.OtherPeer("127.0.0.1", 65402, files=0, last_seen=None, failures=3, up_rate=0.0, down_rate=0.0)
        return schema.OtherPeers([first, second])

    def index(self, q: str, limit: int, offset: int, sort: str = "name") -> Deferred[schema.IndexPage]:
        query = Query(q)
        found = [document for document in self.documents if query.matches(document["name"], "")]
        if sort != "name":
            found.sort(key=lambda document: document[sort.strip("-")] or 0, reverse=sort[0] == "-")
        return succeed(from_json(schema.IndexPage, {"total": len(found), "items": found[offset : offset + limit]}))

    def search(self, terms: Sequence[Term], limit: int, swarm: bool) -> Deferred[search_schema.SearchPage]:
        self.searches.append((format_terms(terms), limit, swarm))
        words = [term.text for term in terms]
        found = [one for one in self.documents if all(word in one["title"] or word in one["name"] for word in words)]
        rfc = {"number": 8446, "category": "Standards Track", "date": "2018-08", "authors": ["E. Rescorla"]}
        rfc |= {"obsoletes": [5077, 5246], "updates": [], "obsoleted_by": [], "updated_by": [9000]}
        passage = {"passage": "\u2026the \x1b[31melapsed time", "marks": [[10, 21]], "rfc": rfc}
        items = [{"document": one, **passage} for one in found[:limit]]
        return succeed(from_json(search_schema.SearchPage, {"items": items, "asked": 3 * swarm, "answered": 2 * swarm}))

    def downloads(self) -> download_schema.DownloadList:
        return download_schema.DownloadList([summary_of(download) for download in self.running.values()])

    def download(self, id: str) -> download_schema.DownloadDetails | None:  # noqa: A002
        return from_json(download_schema.DownloadDetails, self.running[id]) if id in self.running else None

    def start_download(
        self,
        names: list[str] | None,
        directory: str | None,
        overwrite: bool,
        swarm: bool = True,
        holders: list[tuple[str, int]] | None = None,
    ) -> str:
        if directory == "/not/a/folder":
            raise ValueError("/not/a/folder is not a folder")
        self.orders.append((names, directory, overwrite, swarm, holders))
        id_ = str(len(self.orders))
        files = []
        for name in names or [document["name"] for document in self.documents]:
            state, kind = outcome(name) if names is not None else ("done", None)
            files.append(a_file(name, state, kind=kind))
        states = {file["state"] for file in files}
        state = "running" if "running" in states else "failed" if "failed" in states else "done"
        self.running[id_] = a_download(id_, files, state)
        return id_

    def cancel_download(self, id: str) -> bool:  # noqa: A002
        if self.running[id]["state"] != "running":
            return False
        self.running[id]["state"] = "cancelled"
        self.events.publish(DownloadEnded(id, "cancelled"))
        return True

    def pause_download(self, id: str) -> bool:  # noqa: A002
        return self._move(id, "running", "paused")

    def resume_download(self, id: str) -> bool:  # noqa: A002
        return self._move(id, "paused", "running")

    def retry_download(self, id: str) -> bool:  # noqa: A002
        return self._move(id, "failed", "running")

    def _move(self, id_: str, before: str, after: str) -> bool:
        if self.running[id_]["state"] != before:
            return False
        self.running[id_] |= {"state": after, "ended": None}
        return True

    def wants(self) -> want_schema.WantList:
        return want_schema.WantList(list(self.wanted.values()))

    def add_want(self, pattern: str, directory: str | None, holder: tuple[str, int] | None, delete: bool) -> str:
        if pattern == "..":
            raise ValueError("must be a name that a document can have")
        id_ = f"w{len(self.wanted) + 1}"
        peer = None if holder is None else f"{holder[0]}:{holder[1]}"
        problems = [want_schema.WantProblem("a.pdf", "another file is in its place")]
        self.wanted[id_] = want_schema.Want(
            id_, pattern, peer, directory or "/tmp/fetched", delete, pattern == "set", 3, 2, 1, problems
        )
        return id_

    def stop_want(self, id: str) -> bool:  # noqa: A002
        if id in self.wanted and self.wanted[id].is_set:
            raise ValueError("this want stands in the settings of the peer")
        return self.wanted.pop(id, None) is not None

    def share(self, path: str, readers: list[str] | None = None) -> Deferred[None]:
        if path == "/not/a/folder":
            return fail(ValueError("/not/a/folder is not a folder"))
        if path == "/broken":
            return fail(RuntimeError("a secret of the inside"))
        self.shared.append(path if readers is None else f"{path}:{','.join(readers)}")
        return succeed(None)

    def shared_folders(self) -> schema.SharedFolders:
        first = [schema.SharedDocument("a.pdf", 1000)]
        items = [schema.SharedFolder(path, None, 12, 3456789, first) for path in ["/srv/documents", *self.shared]]
        return schema.SharedFolders(items, is_reading=False)

    def unshare(self, path: str) -> Deferred[None]:
        if path not in self.shared:
            return fail(ValueError(f"{path} is not a shared folder"))
        self.shared.remove(path)
        return succeed(None)

    def open_file(self, name: str) -> tuple[int, int]:
        if name not in self.contents:
            raise ValueError("this document is not here: download it first")
        reading, writing = os.pipe()
        os.write(writing, self.contents[name])
        os.close(writing)
        return reading, len(self.contents[name])

    def write_file(self, name: str, offset: int, size: int, data: bytes) -> Deferred[int]:
        before = self.contents.get(name, b"") if offset else b""
        if len(before) != offset:
            return fail(ValueError("this part does not follow the one before it"))
        self.contents[name] = before + data
        return succeed(offset + len(data))

    def limits(self) -> schema.Limits:
        return schema.Limits(**self.rates)

    def set_limits(self, limits: Mapping[str, float | None]) -> None:
        self.rates.update(limits)

    def refresh(self) -> Deferred[None]:
        if not self.hold_refresh:
            return succeed(None)
        self.refreshed.append(Deferred())
        return self.refreshed[-1]


class FakeRun:
    """A run that is told what happens in it."""

    def __init__(self, id_: str, order: ExperimentOrder) -> None:
        self.id = id_
        self.order = order
        self.history: History[str] = History()
        self.state = "running"
        self.files: dict[str, bytes] = {}

    def describe(self) -> dict[str, Any]:
        return {"id": self.id, "state": self.state}

    def traces(self) -> dict[str, Path]:
        return {}

    def result(self, name: str) -> bytes | None:
        return self.files.get(name)

    def end(self) -> None:
        self.state = "done"
        self.history.close()


class FakeExperiments:
    """A service that runs no experiments; `refusal` is raised by the next start."""

    def __init__(self) -> None:
        self.all: dict[str, FakeRun] = {}
        self.refusal: Exception | None = None
        self.reasons: dict[str, str | None] = {"loopback": None, "netns": "it needs root"}

    def places(self) -> dict[str, str | None]:
        return self.reasons

    def start(self, order: ExperimentOrder) -> FakeRun:
        if self.refusal is not None:
            raise self.refusal
        if any(run.state == "running" for run in self.all.values()):
            raise ExperimentBusy("an experiment is running already")
        run = FakeRun(str(len(self.all) + 1), order)
        self.all[run.id] = run
        return run

    def runs(self) -> list[FakeRun]:
        return list(self.all.values())

    def run(self, id: str) -> FakeRun | None:  # noqa: A002
        return self.all.get(id)

    def stop(self, id: str) -> bool:  # noqa: A002
        if self.all[id].state != "running":
            return False
        self.all[id].state = "stopping"
        return True
