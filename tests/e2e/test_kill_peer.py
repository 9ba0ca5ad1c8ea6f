"""A peer killed with -9 in the middle of a transfer: all comes in the end, and nothing half-written gets its name."""

import hashlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import wait_until
from p2p_twisted.experiment.run.processes import Member
from tests.support import raw_sockets
from tests.support.raw_sockets import WAIT_TIMEOUT, System, wait_for

NAME = "big.bin"
DATA = random.Random(12).randbytes(20 * 2**20)
SLOW = {"peer1": ("--up-rate", "6M"), "peer2": ("--up-rate", "6M")}
"""Two holders that take two seconds for it together."""


class Watch(threading.Thread):
    """Looks into a folder again and again: whatever is seen under the final name must be the whole, at any moment."""

    def __init__(self, folder: Path, data: bytes = DATA) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.wrong: list[str] = []
        self._folder = folder
        self._data = data
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.002):
            self.look()

    def look(self) -> None:
        names = {path.name for path in self._folder.iterdir()}
        if NAME in names - self.seen:
            found = (self._folder / NAME).read_bytes()
            if found != self._data:
                self.wrong.append(f"{len(found)} bytes at first")
        elif NAME in names and (self._folder / NAME).stat().st_size != len(self._data):
            self.wrong.append("another size later")
        self.seen |= names

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def assert_right(self) -> None:
        """The file is there, alone, and there never was a wrong one."""
        self.look()
        assert self.wrong == []
        assert [path.name for path in self._folder.iterdir()] == [NAME]
        assert hashlib.sha256((self._folder / NAME).read_bytes()).digest() == hashlib.sha256(self._data).digest()


@pytest.fixture
def system() -> Iterator[System]:
    """Two slow holders of the file, and a third peer that knows of it."""
    with raw_sockets.system([{NAME: DATA}, {NAME: DATA}, {}], SLOW) as running:
        running.cluster.wait_for_documents(1)
        wait(lambda: len(holders(running.cluster.peers[2])) == 2)
        yield running


def wait(ready: Callable[[], bool]) -> None:
    wait_until(ready, time.monotonic() + 2 * WAIT_TIMEOUT, "it did not come to that")


def holders(downloader: Member) -> list[Any]:
    """Return the known holders of the file."""
    downloader.control.post("refresh")
    items = downloader.control.get("index", q=NAME)["items"]
    return items[0]["holders"] if items else []


def order(downloader: Member, **more: object) -> str:
    """The id of a new download of the file."""
    return str(downloader.control.post("downloads", {"names": [NAME], **more})["id"])


def wait_for_a_part(downloader: Member, id_: str) -> dict[str, int]:
    """Return when a quarter has come, and not all: the bytes from each source, by its address."""
    found: dict[str, Any] = {}

    def is_under_way() -> bool:
        found.update(downloader.control.get(f"downloads/{id_}"))
        return bool(found["bytes_done"] >= len(DATA) / 4 or found["ended"])

    wait(is_under_way)
    assert found["ended"] is None
    return {source: transfer["bytes"] for source, transfer in found["files"][0]["sources"].items()}


@pytest.mark.parametrize("swarm", [True, False], ids=["from many at once", "from one after the other"])
def test_the_downloader_finishes_from_another_holder(system: System, swarm: bool) -> None:
    downloader = system.cluster.peers[2]
    with Watch(downloader.download_dir) as watch:
        id_ = order(downloader, swarm=swarm)
        sources = wait_for_a_part(downloader, id_)
        busiest = max(sources, key=lambda source: sources[source])
        killed = system.cluster.peers[system.peers.index(int(busiest.rpartition(":")[2]))]
        system.cluster.kill9(killed.role)
        assert NAME not in watch.seen
        found = wait_for(downloader.control, id_)
    assert (found["state"], found["files_done"]) == ("done", 1), found
    assert f"{NAME}.part" in watch.seen
    watch.assert_right()
    assert len(found["files"][0]["sources"]) == 2


def test_all_holders_are_killed_and_one_comes_back(system: System) -> None:
    """The order fails and says why; the next one finishes what is there."""
    downloader = system.cluster.peers[2]
    with Watch(downloader.download_dir) as watch:
        id_ = order(downloader)
        wait_for_a_part(downloader, id_)
        for role in ("peer1", "peer2"):
            system.cluster.kill9(role)
        found = wait_for(downloader.control, id_)
        assert (found["state"], found["files_failed"]) == ("failed", 1), found
        assert found["error"]["kind"] in ("peers-failed", "no-holder", "timeout"), found
        assert NAME not in watch.seen
        system.cluster.restart("peer1")
        wait(lambda: bool(holders(downloader)))
        found = wait_for(downloader.control, order(downloader))
    assert found["state"] == "done", found
    watch.assert_right()


def test_the_downloader_itself_is_killed(system: System) -> None:
    """The unfinished file has no final name; after a restart the download goes on, and a paused one does not."""
    downloader = system.cluster.peers[2]
    with Watch(downloader.download_dir) as watch:
        paused = order(downloader, dir=str(downloader.state_dir.with_name("paused")))
        downloader.control.post(f"downloads/{paused}/pause")
        id_ = order(downloader)
        wait_for_a_part(downloader, id_)
        system.cluster.kill9("peer3")
        watch.look()
        assert NAME not in watch.seen
        system.cluster.restart("peer3")
        system.cluster.wait_registered()
        found = wait_for(downloader.control, id_)
    assert (found["state"], found["files_done"]) == ("done", 1), found
    assert downloader.control.get(f"downloads/{paused}")["state"] == "paused"
    watch.assert_right()


class Old(threading.Thread):
    """A 1.0 peer in this process with one document, of which it sends `most` bytes before it resets the connection."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(daemon=True)
        self.asked = 0
        self._data, self._most = data, most
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            with sock:
                self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        said = sock.recv(65536)
        if said.startswith(b"GET FILE"):
            self.asked += 1
            sock.sendall(raw_sockets.answer(self._data[: self._most]))
            if self._most < len(self._data):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif said.startswith(b"GET INDEX"):
            sock.sendall(raw_sockets.answer(f"big\tbin\tA title\t127.0.0.1\t{self.port}\t7200\n"))

    def __enter__(self) -> "Old":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join()


def test_old_peers_of_which_some_die() -> None:
    """A body of 1.0 has no length: only the end of its connection tells whether it was all."""
    data = DATA[: 2**20]
    with raw_sockets.system([{}]) as system, Old(data, len(data) // 2) as dying, Old(data, len(data)) as well:
        downloader = system.cluster.peers[0]
        for port in (dying.port, well.port):
            raw_sockets.exchange(system.rs, [raw_sockets.request("Register NULL", "cookie:", f"port:{port}")])
        wait(lambda: len(holders(downloader)) == 2)
        for number in range(30):
            folder = downloader.download_dir / str(number)
            folder.mkdir()
            with Watch(folder, data) as watch:
                found = wait_for(downloader.control, order(downloader, dir=str(folder)))
            assert found["state"] == "done", found
            watch.assert_right()
            if dying.asked:
                break
        assert dying.asked
