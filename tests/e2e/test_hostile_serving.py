"""Hostile names asked of a real peer: nothing from outside its folders is sent, and nothing outside is opened."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.wire.visible import MAX_SHOWN, has_invisible
from tests.support.hostile_names import RAW, hostile_names, splits
from tests.support.outside import SECRET, Outside
from tests.support.raw_sockets import WAIT_TIMEOUT, System, connect, read_all

FILES = {
    name: f"what is shared as {number}\n".encode()
    for number, name in enumerate(
        [
            *("a.txt", "sub/a.txt", "mine.txt", "swapped.txt", "-rf", "CON", "Twin", "twin", "*", "a.txt.", "~/x"),
            *("C:", "d:/x", "photo\u202egpj.exe", "pay\u200bpal.txt", "{name}", "swap/inner.txt"),
        ]
    )
}
"""Shared, hostile or not: each is served under its name, and under no other."""
LINKS = {"link.txt": "secret.txt", "links": ".", "sub/link.txt": "secret.txt", "sub/links": ".", "broken": "nothing"}
PRIVATE = (
    *(".hidden", ".ssh/authorized_keys", "sub/.hidden", ".git/config", "a.part", "a.part.state", "a.part/x"),
    *("state/.p2p-state", "state/api.key", "state/lock", "state/hashes.sqlite"),
)
SECRET_HASH = hashlib.sha256(SECRET).hexdigest()
RACE = 1.5
"""Seconds."""


def plant(folder: Path, outside: Path) -> None:
    """Put into the shared folder what must not be served."""
    for name in PRIVATE:
        if not (path := folder / name).parent.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(SECRET)
    for name, target in LINKS.items():
        (folder / name).symlink_to(outside / target)
    (folder / "loop").symlink_to(".")
    os.mkfifo(folder / "fifo")
    if os.geteuid() == 0:
        os.mknod(folder / "device", stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero: it never ends
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(folder / "socket"))


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    watched = Outside(tmp_path_factory.mktemp("outside"))
    yield watched
    watched.close()


@pytest.fixture(scope="module")
def system(outside: Outside) -> Iterator[System]:
    with Cluster(1) as cluster:
        folder = cluster.peers[0].share_dir
        for name, data in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        plant(folder, outside.path)
        cluster.start()
        cluster.wait_for_documents(len(FILES))
        running = System(cluster)
        yield running
        cluster.stop()
        assert running.complaints() == []


def ask(port: int, what: bytes, stem: bytes, kind: bytes, headers: bytes = b"", version: bytes = b"1.1") -> bytes:
    """Return all that the peer says to one request; a client of 1.1 closes its side after it."""
    data = b"".join(b"%s\n" % line for line in ((stem, kind) if what == b"FILE" else ()))
    with connect(port) as sock:
        sock.sendall(b"GET %s P2P_DI_%s\nHost a\nOS b\n%s\n%s" % (what, version, headers, data))
        if version == b"1.1":
            sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def fault(name: bytes, answer: bytes) -> str | None:
    """Return what is wrong with the answer to a GET FILE of `name`."""
    head, _, body = answer.partition(b"\n\n")
    if SECRET[:16] in answer:
        return "the secret"
    if head.startswith(b"200 "):
        return None if FILES.get(name.decode()) == body else "other content"
    if not head.startswith((b"100 ", b"300 ")) or body.count(b"\n") != 1:
        return "no refusal"
    text = body.decode()[:-1]
    return "a reason that cannot be read" if has_invisible(text) or len(text) > MAX_SHOWN + 10 else None


def test_nothing_from_outside_is_sent(system: System, outside: Outside) -> None:
    names = [name.encode("utf-8", "surrogatepass") for name in hostile_names(str(outside.path))]
    names += [*RAW, *(name.encode() for name in FILES)]
    asked = 0
    for name in names:
        for stem, kind in splits(name):
            for version in (b"1.0", b"1.1")[asked % 2 :]:
                asked += 1
                answer = ask(system.peers[0], b"FILE", stem, kind, version=version)
                if b"\n" not in name:
                    assert fault(name, answer) is None, (name, stem, kind, answer)
                assert SECRET[:16] not in answer
    assert asked > 1500
    assert outside.touched() == []


def test_nothing_private_is_sent_by_its_hash(system: System, outside: Outside) -> None:
    header = b"SHA-256: %s\n" % SECRET_HASH.encode()
    for name in (b"../secret.txt", b"links/secret.txt", b".hidden", b"a.txt", b"x"):
        for more in (b"", b"Range: 0-3\n"):
            assert ask(system.peers[0], b"FILE", name, b"", header + more).startswith(b"100 "), name
    assert ask(system.peers[0], b"PIECES", b"", b"", header).startswith(b"100 ")
    index = ask(system.peers[0], b"INDEX", b"", b"")
    assert SECRET_HASH.encode() not in index
    assert index.partition(b"\n\n")[2].count(b"\n") == len(FILES)
    assert outside.touched() == []


def swap(folder: Path, outside: Path, over: threading.Event) -> None:
    """Replace a shared folder and a shared file by links, and put them back, until it is over."""
    while not over.is_set():
        for name, target in (("swap", outside), ("swapped.txt", outside / "secret.txt")):
            (folder / name).rename(folder / f".{name}")
            (folder / name).symlink_to(target)
            time.sleep(0.0005)
            (folder / name).unlink()
            (folder / f".{name}").rename(folder / name)


def test_links_swapped_in_at_any_moment(system: System, outside: Outside) -> None:
    peer = system.cluster.peers[0]
    over = threading.Event()
    swapper = threading.Thread(target=swap, args=(peer.share_dir, outside.path, over))
    swapper.start()
    sent, refused, deadline = 0, 0, time.monotonic() + RACE
    try:
        while time.monotonic() < deadline or not (sent and refused):
            assert time.monotonic() < deadline + WAIT_TIMEOUT
            for stem in (b"swap/inner", b"swapped"):
                answer = ask(system.peers[0], b"FILE", stem, b"txt")
                assert fault(b"%s.txt" % stem, answer) is None, answer
                sent += answer.startswith(b"200 ")
                refused += answer.startswith(b"100 ")
            peer.control.post("refresh")
    finally:
        over.set()
        swapper.join()
    assert outside.touched() == []
