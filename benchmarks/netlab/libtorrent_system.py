"""libtorrent as a system under test: one session a host, TCP only, a connection between any two at the order."""

import contextlib
import json
import math
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from benchmarks.netlab.system import BenchError, Totals
from benchmarks.netlab.works import LARGE, Work
from p2p_twisted.experiment.run.netns import HostNetwork

PORT = 6881
ROOT = "documents"  # the torrent's folder
START_SECONDS = 30
STOP_SECONDS = 10
HOST_PROGRAM = Path(__file__).with_name("libtorrent_host.py")


class LibtorrentSystem:
    """libtorrent 2 from PyPI with its own defaults for everything but discovery and encryption, which are off."""

    name = "libtorrent"
    services = 0
    can_corrupt = False

    @contextlib.contextmanager
    def start(self, network: HostNetwork, work: Work, folder: Path) -> Iterator["LibtorrentSwarm"]:
        """See System.start."""
        torrent = folder / "work.torrent"
        torrent.write_bytes(_torrent(work, folder / "original"))
        swarm = LibtorrentSwarm(network, work, folder, torrent)
        try:
            swarm.start()
            yield swarm
        finally:
            swarm.stop()


class LibtorrentSwarm:
    """The running sessions; each has a pipe for commands and one for its reports, which a thread reads."""

    def __init__(self, network: HostNetwork, work: Work, folder: Path, torrent: Path) -> None:
        self._network, self._work, self._folder, self._torrent = network, work, folder, torrent
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []
        self._killed: set[int] = set()
        self._lock = threading.Lock()
        self._pieces: dict[int, int] = {}  # how many the torrent has, from each host that is ready
        self._elsewhere: set[int] = set()  # pieces that some downloader has
        self._finished: dict[int, dict[str, float]] = {}  # what each said then
        self._first_copy: float | None = None

    def start(self) -> None:
        """Start a session in every host; return when all have checked what they hold; raises BenchError."""
        for host in range(1, self._work.hosts + 1):
            self._start(host)
        deadline = time.monotonic() + START_SECONDS
        while len(self._pieces) < len(self._processes):
            self._check_alive()
            if time.monotonic() > deadline:
                raise BenchError(f"libtorrent was not ready after {START_SECONDS} s")
            time.sleep(0.05)

    def order(self) -> None:
        """See Swarm.order."""
        for host, process in self._processes.items():
            others = [self._network.address(other) for other in self._processes if other < host]
            process.stdin.write(json.dumps(others) + "\n")
            process.stdin.flush()

    def finished(self) -> dict[int, float]:
        """See Swarm.finished."""
        self._check_alive()
        with self._lock:
            return {host: news["done"] for host, news in self._finished.items() if host in self._work.wanting}

    def first_copy(self) -> float | None:
        """See Swarm.first_copy."""
        return self._first_copy

    def totals(self) -> Totals:
        """See Swarm.totals."""
        said = [self._finished[host] for host in self._work.wanting]
        received, duplicate, wrong = (sum(news[key] for news in said) for key in ("received", "duplicate", "wrong"))
        return Totals(duplicate / received, math.ceil(wrong / _piece_size(self._work)))

    def kill(self, host: int) -> None:
        """See Swarm.kill."""
        self._killed.add(host)
        self._processes[host].kill()

    def path(self, host: int, name: str) -> Path:
        """See Swarm.path."""
        return self._folder / f"h{host}" / ROOT / name

    def stop(self) -> None:
        """See Swarm.stop; the sessions write what they still hold in memory."""
        for process in self._processes.values():
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        for process in self._processes.values():
            _end(process)
        for reader in self._readers:
            reader.join(STOP_SECONDS)

    def _start(self, host: int) -> None:
        save = self._folder / f"h{host}"
        (save / ROOT).mkdir(parents=True)
        for name in self._work.holdings.get(host, ()):
            shutil.copy(self._folder / "original" / ROOT / name, self.path(host, name))
        program = [sys.executable, str(HOST_PROGRAM)]
        argv = [*program, str(self._torrent), str(save), self._network.address(host), str(PORT)]
        process = self._network.popen(host, argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._processes[host] = process
        reader = threading.Thread(target=self._read, args=(host, process.stdout), daemon=True)
        self._readers.append(reader)
        reader.start()

    def _read(self, host: int, lines: TextIO) -> None:
        with lines:
            for line in lines:
                with self._lock:
                    self._take(host, json.loads(line))

    def _take(self, host: int, news: dict[str, float]) -> None:
        if "ready" in news:
            self._pieces[host] = int(news["ready"])
        elif "done" in news:
            self._finished[host] = news
        elif host not in self._work.holdings:
            self._elsewhere.add(int(news["piece"]))
            if len(self._elsewhere) == self._pieces[host] and self._first_copy is None:
                self._first_copy = news["at"]

    def _check_alive(self) -> None:
        for host, process in self._processes.items():
            if host not in self._killed and process.poll() is not None:
                raise BenchError(f"libtorrent in host {host} has ended (status {process.returncode})")


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _torrent(work: Work, folder: Path) -> bytes:
    try:
        import libtorrent
    except ImportError as error:
        raise BenchError("libtorrent is not installed: pip install -r benchmarks/requirements.txt") from error
    root = folder / ROOT
    root.mkdir(parents=True)
    for document in work.documents:
        shutil.copy(document, root)
    # Version 2 torrents start every file on a piece of its own, so that a peer that holds ten files can serve them.
    spread = len(work.holdings) > 1
    flags = libtorrent.create_torrent.v2_only if spread else libtorrent.create_torrent.v1_only
    made = libtorrent.create_torrent(libtorrent.list_files(str(root)), _piece_size(work), flags)
    libtorrent.set_piece_hashes(made, str(folder))
    return libtorrent.bencode(made.generate())


def _piece_size(work: Work) -> int:
    return 64 * 1024 if work.size >= LARGE else 16 * 1024
