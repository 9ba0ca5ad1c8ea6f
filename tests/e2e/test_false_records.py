"""False records beside one genuine holder, in a real system: its document comes, or a refusal that names both."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.attacks.false_records import KINDS, Case
from tests.support.invented_rows import record_of
from tests.support.raw_sockets import System, system, wait_for
from tests.support.strangers import Crowd
from tests.support.twistd import wait_for as wait_until

SIZE = 300_000
MAX_SECONDS = 10
HOLDER, READER = 0, 1
NAMES = {kind: f"document-{number}.bin" for number, kind in enumerate(KINDS)}
DATA = {name: random.Random(name).randbytes(SIZE) for name in NAMES.values()}


@pytest.fixture(scope="module")
def running() -> Iterator[System]:
    """An RS, a peer that shares a document for each kind, one that fetches, and for each kind a stranger that lies."""
    with system([DATA, {}]) as made, Crowd(("127.0.0.1", made.rs)) as crowd:
        holder = "127.0.0.1", made.peers[HOLDER]
        for number, (kind, name) in enumerate(NAMES.items()):
            stranger = crowd.add(host=f"127.0.7.{number + 1}")
            case = Case(*record_of(name, DATA[name], holder), DATA[name], stranger.address)
            stranger.plan = KINDS[kind](case)
            stranger.hello(("127.0.0.1", made.peers[READER]))
            wait_until(lambda: stranger.requests)  # noqa: B023
        reader = made.cluster.peers[READER].control
        wait_until(lambda: set(DATA) <= {one["name"] for one in reader.get("index", limit=1000)["items"]})
        yield made


@pytest.mark.parametrize("swarm", [True, False], ids=["swarm", "whole"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_genuine_document_or_both(running: System, kind: str, swarm: bool, tmp_path: Path) -> None:
    reader, name = running.cluster.peers[READER], NAMES[kind]
    start = time.monotonic()
    order = reader.control.post("downloads", {"names": [name], "dir": str(tmp_path), "swarm": swarm})
    [file] = wait_for(reader.control, order["id"])["files"]
    assert time.monotonic() - start < MAX_SECONDS
    if file["state"] == "failed":
        assert file["error"]["kind"] == "ambiguous"
        true, false = DATA[name], DATA[name][::-1]
        for data in (true, false) if "another content" in kind else (true,):
            digits = (record_of(name, data, ("", 1))[0].sha256 or "")[:8]
            assert f"@{digits} " in file["error"]["text"]
        assert f"127.0.0.1:{running.peers[HOLDER]}" in file["error"]["text"]
    else:
        assert (tmp_path / name).read_bytes() == DATA[name]


def test_what_is_told_of_others_makes_nothing_ambiguous(running: System) -> None:
    items = running.cluster.peers[READER].control.get("index", limit=1000)["items"]
    assert items
    for kind, name in NAMES.items():
        contents = [item for item in items if item["name"] == name]
        if "told of" in kind or "folder" in kind or "more" in kind:
            assert len(contents) == 1 and contents[0]["first_hand"], kind
