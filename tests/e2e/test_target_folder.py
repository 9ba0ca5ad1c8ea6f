"""Downloads under trouble on the disk: few descriptors, traps in the folder, names that cannot be encoded."""

import hashlib
import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import Cluster, wait_until
from p2p_twisted.experiment.run.processes import Loopback, Member
from tests.support.p2p_command import p2p
from tests.support.raw_sockets import WAIT_TIMEOUT

DESCRIPTORS = 128
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
RANDOM = random.Random(20)
MANY = {f"many/{number}.bin": RANDOM.randbytes(70_000) for number in range(300)}
TRAPPED = {f"trapped/{name}": RANDOM.randbytes(70_000) for name in ("name", "part", "state", "link", "socket", "hard")}
OTHERS = {
    "trapped/sub/outside.bin": RANDOM.randbytes(1000),
    "plain.txt": b"plain text",
    "Müll.txt": b"not in ASCII",
    "-rf": b"an option",
}
MODIFIED = 1_000_000_000


class Limited(Loopback):
    """Peer 2 has few descriptors, and writes its names in ASCII."""

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        if role == "peer2":
            argv = ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}", *argv]
            options["env"] = {**os.environ, **ASCII}
        return super().launch(role, argv, **options)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One peer that has all the documents, and one that has none."""
    with Cluster(2, Limited()) as running:
        for name, data in {**MANY, **TRAPPED, **OTHERS}.items():
            path = running.peers[0].share_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (MODIFIED, MODIFIED))
        running.start()
        running.wait_for_documents(len(MANY) + len(TRAPPED) + len(OTHERS))
        yield running


@pytest.fixture
def downloader(cluster: Cluster) -> Member:
    return cluster.peers[1]


def fetched(peer: Member, folder: Path, **order: Any) -> dict[str, Any]:
    """The download when it is over."""
    id_ = peer.control.post("downloads", {"dir": str(folder), **order})["id"]
    found: dict[str, Any] = {}

    def is_over() -> bool:
        found.update(peer.control.get(f"downloads/{id_}"))
        return found["ended"] is not None

    wait_until(is_over, time.monotonic() + 2 * WAIT_TIMEOUT, "it does not end")
    return found


def errors(found: dict[str, Any]) -> dict[str, str]:
    return {file["name"]: file["error"]["text"] for file in found["files"] if file["error"] is not None}


def test_more_documents_than_descriptors(downloader: Member, tmp_path: Path) -> None:
    """Each of two pieces, so that it stays open for a while."""
    found = fetched(downloader, tmp_path, names=list(MANY))
    assert (found["state"], errors(found)) == ("done", {})
    for name, data in MANY.items():
        path = tmp_path / name
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
        assert path.stat().st_mtime == MODIFIED
    assert len(list((tmp_path / "many").iterdir())) == len(MANY)


def set_traps(folder: Path, outside: Path) -> None:
    """Files that another user could put into a download folder."""
    outside.mkdir()
    (outside / "mine").write_bytes(b"mine")
    (folder / "trapped").mkdir(parents=True)
    os.mkfifo(folder / "trapped/name")
    os.mkfifo(folder / "trapped/part.part")
    os.mkfifo(folder / "trapped/state.part.state")
    (folder / "trapped/link.part.state").symlink_to(outside / "mine")
    os.link(outside / "mine", folder / "trapped/hard.part.state")
    (folder / "trapped/sub").symlink_to(outside)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(folder / "trapped/socket.part"))


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("swarm", [False, True])
def test_traps_are_named_and_hold_up_nobody(downloader: Member, tmp_path: Path, overwrite: bool, swarm: bool) -> None:
    folder, outside = tmp_path / "in", tmp_path / "outside"
    set_traps(folder, outside)
    names = [*TRAPPED, "trapped/sub/outside.bin", "plain.txt"]
    found = fetched(downloader, folder, names=names, overwrite=overwrite, swarm=swarm)
    said = errors(found)
    assert "name already exists and is a named pipe" in said.pop("trapped/name")
    assert "part.part: it is a named pipe, not a file" in said.pop("trapped/part")
    assert "socket.part: it is a socket, not a file" in said.pop("trapped/socket")
    assert "trapped/sub is a link" in said.pop("trapped/sub/outside.bin")
    if swarm:
        assert "state.part.state: it is a named pipe, not a file" in said.pop("trapped/state")
        assert "link.part.state: it is a link, not a file" in said.pop("trapped/link")
    assert said == {}
    assert (folder / "trapped/hard").read_bytes() == TRAPPED["trapped/hard"]
    assert (folder / "plain.txt").read_bytes() == OTHERS["plain.txt"]
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"mine": b"mine"}


def test_a_name_that_cannot_be_written_fails_alone(downloader: Member, tmp_path: Path) -> None:
    for swarm in (True, False):
        found = fetched(downloader, tmp_path, names=["Müll.txt", "plain.txt"], swarm=swarm, overwrite=True)
        assert list(errors(found)) == ["Müll.txt"]
        assert "start it with LC_ALL=C.UTF-8" in errors(found)["Müll.txt"]
        assert [path.name for path in tmp_path.iterdir()] == ["plain.txt"]


def test_a_misleading_name_is_skipped(cluster: Cluster, tmp_path: Path) -> None:
    peer = cluster.peers[1]
    arguments = ["get", "--state-dir", str(peer.state_dir), "-o", str(tmp_path)]
    result = p2p(*arguments, "--all")
    assert "p2p: -rf: skipped: a part begins with -, as options of commands do" in result.stderr
    assert not (tmp_path / "-rf").exists()
    result = p2p(*arguments, "--", "-rf")
    assert (result.exit_code, (tmp_path / "-rf").read_bytes()) == (0, b"an option")


def test_sigterm_ends_it_at_once_without_a_traceback(cluster: Cluster, downloader: Member) -> None:
    downloader.terminate()
    assert downloader.wait(WAIT_TIMEOUT)
    assert "Traceback" not in downloader.log.read_text()
