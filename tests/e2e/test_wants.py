"""Wants and mirrors of a real peer: its holder's files appear, change and go, and both are killed with -9."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import wait_until
from tests.support import raw_sockets
from tests.support.p2p_command import p2p
from tests.support.raw_sockets import WAIT_TIMEOUT, System

BIG = random.Random(3).randbytes(3_000_000)
SLOW = 300_000
"""Bytes/s at which BIG is under way for long enough to be seen."""


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """A holder with its folder, and a peer that wants some of it."""
    with raw_sockets.system([{"doc-1": b"one", "other": b"no"}, {}]) as running:
        running.cluster.wait_for_documents(2)
        yield running


def wait(ready: Callable[[], bool]) -> None:
    wait_until(ready, time.monotonic() + 2 * WAIT_TIMEOUT, "it did not come to that")


def order(system: System, *words: object) -> str:
    """Call `p2p` for the wanting peer; return the id that it prints first."""
    done = p2p("--state-dir", system.cluster.peers[1].state_dir, *words)
    assert done.exit_code == 0, done.stderr
    return done.stdout.partition(":")[0]


def files(folder: Path) -> dict[str, bytes]:
    """The files in place, by name."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # it may be removed just now
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return {name: data for name, data in found.items() if ".part" not in name}


def settles(system: System, folder: Path, expected: dict[str, bytes]) -> None:
    wait(lambda: files(folder) == expected)


def test_a_want_follows_its_holder_and_removes_nothing(system: System, tmp_path: Path) -> None:
    share = system.cluster.peers[0].share_dir
    id_ = order(system, "want", "doc*", "-o", tmp_path)
    settles(system, tmp_path, {"doc-1": b"one"})
    (share / "doc-2").write_bytes(b"two")
    settles(system, tmp_path, {"doc-1": b"one", "doc-2": b"two"})
    (share / "doc-1").write_bytes(b"new")
    settles(system, tmp_path, {"doc-1": b"new", "doc-2": b"two"})
    (share / "doc-1").unlink()
    (share / "doc-3").write_bytes(b"three")
    settles(system, tmp_path, {"doc-1": b"new", "doc-2": b"two", "doc-3": b"three"})
    assert order(system, "want", "--stop", id_) == "stopped"


def test_a_mirror_removes_what_its_holder_removed_and_nothing_else(system: System, tmp_path: Path) -> None:
    holder, wanting = system.cluster.peers
    share, address = holder.share_dir, f"127.0.0.1:{system.peers[0]}"
    (tmp_path / "foreign").write_bytes(b"mine")
    for name in "a/gone", "a/kept", "changed":
        (share / name).parent.mkdir(exist_ok=True)
        (share / name).write_bytes(name.encode())
    id_ = order(system, "mirror", address, tmp_path, "--delete")
    wait(lambda: {"foreign", "a/gone", "a/kept", "changed"} <= files(tmp_path).keys())
    (tmp_path / "changed").write_bytes(b"changed here")
    for name in "a/gone", "changed":
        (share / name).unlink()
    wait(lambda: "a/gone" not in files(tmp_path))
    before = files(tmp_path)
    assert (before["foreign"], before["changed"], before["a/kept"]) == (b"mine", b"changed here", b"a/kept")

    system.cluster.kill9("peer1")
    system.cluster.kill9("rs")
    wait(lambda: not any(map(is_elsewhere, wanting.control.get("index")["items"])))
    wanting.control.post("refresh")
    time.sleep(1.5)  # three looks
    assert files(tmp_path) == before
    system.cluster.restart("rs")
    (share / "a/kept").unlink()
    system.cluster.restart("peer1")
    system.cluster.wait_for_documents(len(files(share)))
    wait(lambda: any(map(is_elsewhere, wanting.control.get("index")["items"])))
    assert files(tmp_path) == before, "the holder came back without it, and has not said that it removed it"
    assert order(system, "want", "--stop", id_) == "stopped"


def is_elsewhere(item: Mapping[str, Any]) -> bool:
    """Whether another peer has the document."""
    return len(item["holders"]) > int(item["local"])


def test_a_peer_that_is_killed_goes_on_with_its_wants(system: System, tmp_path: Path) -> None:
    holder, wanting = system.cluster.peers
    order(system, "want", "big", "-o", tmp_path)
    wanting.control.put("limits", {"down_rate": SLOW})
    (holder.share_dir / "big").write_bytes(BIG)
    wait(lambda: (tmp_path / "big.part.state").exists())
    system.cluster.kill9("peer2")
    assert not (tmp_path / "big").exists()
    system.cluster.restart("peer2")
    settles(system, tmp_path, {"big": BIG})
    assert "big" in [item["pattern"] for item in wanting.control.get("wants")["items"]]
