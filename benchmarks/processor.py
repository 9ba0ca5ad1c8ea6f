"""Processor time for one large file over loopback, received and verified, of both sides: ours against libtorrent.

    python -m benchmarks.processor [--size 1024] [--repeat 3] [--before DIR] [--dir DIR]

One source and one downloader, which run already when the clock starts. The time of each process is the kernel's own,
user and system, until the downloader has all. libtorrent runs twice: with a version 1 torrent (SHA-1 of each piece) and
with a version 2 torrent (SHA-256). With ``--before``, the peers of another checkout run too. Systems take turns.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.loopback import NAME, REPOSITORY, cleared, make, touch_memory
from p2p_twisted.experiment.run.cluster import Cluster, wait_until
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.web.control_client import ControlError

HOST_PROGRAM = Path(__file__).with_name("netlab") / "libtorrent_host.py"
ADDRESSES, PORT = ("127.0.0.2", "127.0.0.3"), 6881
WAIT_SECONDS = 120
TICKS = os.sysconf("SC_CLK_TCK")

Seconds = tuple[float, float]
"""Of the source and of the downloader."""


def main() -> None:
    options = _options()
    try:
        with Interrupts(), tempfile.TemporaryDirectory(prefix="processor-", dir=options.dir.resolve()) as folder:
            _compare(Path(folder), options)
    except (ClusterError, ControlError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"processor: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _compare(folder: Path, options: argparse.Namespace) -> None:
    share, target = folder / "share", folder / "target"
    share.mkdir()
    target.mkdir()
    make(share / NAME, options.size)
    systems: dict[str, Callable[[Path], Seconds]] = {"ours": partial(_ours, REPOSITORY, share)}
    if options.before is not None:
        systems["before"] = partial(_ours, options.before.resolve(), share)
    for version in (1, 2):
        torrent = folder / f"{version}.torrent"
        make_torrent(torrent, share / NAME, version)
        systems[f"libtorrent {version}"] = partial(_libtorrent, torrent, share)
    found: dict[str, list[Seconds]] = {name: [] for name in systems}
    for _ in range(options.repeat):
        for name, run in systems.items():
            found[name].append(run(cleared(target)))
    for name, runs in found.items():
        source, downloader, both = (
            statistics.median(values) for values in zip(*((*run, sum(run)) for run in runs), strict=True)
        )
        all_runs = " ".join(f"{sum(run):.2f}" for run in runs)
        print(f"{name:14} source {source:5.2f} s, downloader {downloader:5.2f} s, both {both:5.2f} s   runs {all_runs}")


def _ours(checkout: Path, share: Path, target: Path) -> Seconds:
    os.environ["PYTHONPATH"] = str(checkout)  # for the peers
    with Cluster(2, options=lambda role: ("--share", str(share)) if role == "peer1" else ()) as cluster:
        cluster.start()
        cluster.wait_for_documents(1, WAIT_SECONDS)
        downloader = cluster.peers[1]
        pids = [peer.pid or 0 for peer in cluster.peers]
        touch_memory(target.parent)
        before = [_processor_time(pid) for pid in pids]
        number = downloader.control.post("downloads", {"names": [NAME], "dir": str(target)})["id"]
        over = time.monotonic() + WAIT_SECONDS
        wait_until((target / NAME).exists, over, "it takes too long")  # to ask the peer would cost it time
        taken = _difference(pids, before)
        wait_until(lambda: downloader.control.get(f"downloads/{number}")["state"] == "done", over, "it is not done")
        return taken


def _libtorrent(torrent: Path, share: Path, target: Path) -> Seconds:
    with contextlib.ExitStack() as stack:
        source, downloader = (
            stack.enter_context(_session(torrent, folder, address))
            for folder, address in zip((share, target), ADDRESSES, strict=True)
        )
        for process in (source, downloader):
            _wait_for("ready", process)
        pids = [source.pid, downloader.pid]
        touch_memory(target.parent)
        before = [_processor_time(pid) for pid in pids]
        assert downloader.stdin is not None
        downloader.stdin.write(json.dumps(ADDRESSES[:1]) + "\n")
        downloader.stdin.flush()
        _wait_for("done", downloader)
        return _difference(pids, before)


@contextlib.contextmanager
def _session(torrent: Path, folder: Path, address: str) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, str(HOST_PROGRAM), str(torrent), str(folder), address, str(PORT)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(word: str, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if word in json.loads(line):
            return
    raise ClusterError(f"libtorrent ended before it was {word}")


def make_torrent(path: Path, file: Path, version: int) -> None:
    """Write a torrent of ``file`` to ``path``, in pieces of 1 MiB."""
    import libtorrent

    flags = libtorrent.create_torrent.v2_only if version == 2 else libtorrent.create_torrent.v1_only
    torrent = libtorrent.create_torrent(libtorrent.list_files(str(file)), 2**20, flags)
    libtorrent.set_piece_hashes(torrent, str(file.parent))
    path.write_bytes(libtorrent.bencode(torrent.generate()))


def _processor_time(pid: int) -> float:
    """Seconds, user and system, that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _difference(pids: list[int], before: list[float]) -> Seconds:
    source, downloader = (_processor_time(pid) - earlier for pid, earlier in zip(pids, before, strict=True))
    return source, downloader


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file; default: 1024")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; default: 3")
    parser.add_argument("--before", type=Path, metavar="DIR", help="another checkout, whose peers run too")
    parser.add_argument("--dir", type=Path, default=Path(), help="where the files are made; default: here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
