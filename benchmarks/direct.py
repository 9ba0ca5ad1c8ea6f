"""One downloader on shaped links: never slower than direct, and what a source costs that vanishes or is suspended.

    sudo python -m benchmarks.direct [--size 32] [--repeat 3] [--work WORK,...] [--dir DIR]

Every host is a network namespace with an uplink of 20 Mbit/s and a downlink of 100. The works are:

curl       ``curl`` from nginx into a file, and then ``openssl dgst -sha256``
one        a running peer downloads the file from one source
half, end  from two sources, of which one is cut off, so that its packets are dropped, when half or 95 % has come
suspended  from one source whose process is stopped for 70 s when a quarter has come, and then goes on

The clock starts with the order and stops when the file, verified, has its name. The cost of a fault is the time beyond
what the rest takes at the rate of one source, as ``one`` has it, from the fault (or the end of the pause) on.
"""

import argparse
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.loopback import NAME, NGINX_CONF, REPOSITORY, make
from p2p_twisted.experiment.run.cluster import Cluster, wait_until
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.iproute import PlaceError
from p2p_twisted.experiment.run.netns import HostNetwork
from p2p_twisted.experiment.run.places import NetnsLauncher
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.web.control_client import ControlError

MBIT = 1_000_000
UP, DOWN = 20 * MBIT, 100 * MBIT
PORT = 4400
DOWNLOADER, RS_HOST = 3, 4
SUSPENDED_SECONDS = 70
WAIT_SECONDS = 180
WORKS = ("curl", "one", "half", "end", "suspended")


@dataclass
class Lab:
    """A network, the folder with the file, and its size in bytes."""

    network: HostNetwork
    share: Path
    folder: Path
    size: int


@dataclass
class Fault:
    """Something that happens to the first source once so much (0 to 1) of the file has come."""

    after: float
    happen: Callable[[Lab, Cluster], None]


def main() -> None:
    options = _options()
    os.environ["PYTHONPATH"] = str(REPOSITORY)  # for the peers
    try:
        with Interrupts(), tempfile.TemporaryDirectory(prefix="direct-", dir=options.dir.resolve()) as folder:
            _bench(Path(folder), options)
    except (ClusterError, ControlError, PlaceError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"direct: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _bench(folder: Path, options: argparse.Namespace) -> None:
    share = folder / "share"
    share.mkdir()
    make(share / NAME, options.size)
    size = options.size * 2**20
    faults = {"half": Fault(0.5, _cut), "end": Fault(0.95, _cut), "suspended": Fault(0.25, _suspend)}
    rate = UP / 8 / 1.045
    """Bytes/s of one source; ``one`` measures it."""
    for work in options.work:
        repeat = 1 if work == "suspended" else options.repeat
        runs = []
        for _ in range(repeat):
            with HostNetwork(RS_HOST, UP, DOWN, prefix="p2pdirect") as network:
                runs.append(_run(Lab(network, share, folder, size), work, faults.get(work), rate))
        if work == "one":
            rate = size / statistics.median(runs)
        shown = " ".join(f"{seconds:.2f}" for seconds in runs)
        kind = "cost" if work in faults else "time"
        print(f"{work:10} {kind} {statistics.median(runs):6.2f} s   runs {shown}", flush=True)


def _run(lab: Lab, work: str, fault: Fault | None, rate: float) -> float:
    if work == "curl":
        return _curl(lab)
    target = lab.folder / "target"
    target.mkdir()
    try:
        return _ours(lab, target, fault, rate, sources=2 if work in ("half", "end") else 1)
    finally:
        shutil.rmtree(target)


def _curl(lab: Lab) -> float:
    address, state, path = lab.network.address(1), lab.folder / "nginx", lab.folder / "copy"
    state.mkdir(exist_ok=True)
    with _nginx(lab, address, state):
        start = time.monotonic()
        for argv in (
            ["curl", "-sSf", "-o", str(path), f"http://{address}:{PORT}/{NAME}"],
            ["openssl", "dgst", str(path)],
        ):
            if lab.network.popen(DOWNLOADER, argv, stdout=subprocess.DEVNULL).wait(WAIT_SECONDS):
                raise ClusterError(f"{argv[0]} failed")
        return time.monotonic() - start


@contextlib.contextmanager
def _nginx(lab: Lab, address: str, state: Path) -> Iterator[None]:
    conf = state / "nginx.conf"
    conf.write_text(NGINX_CONF.format(state=state, user="root", address=address, port=PORT, root=lab.share))
    argv = ["nginx", "-p", str(state), "-e", str(state / "error.log"), "-c", str(conf)]
    process = lab.network.popen(1, argv, stderr=subprocess.DEVNULL)
    try:
        wait_until((state / "pid").exists, time.monotonic() + 10, "nginx does not start")
        yield
    finally:
        process.terminate()
        process.wait(10)


def _ours(lab: Lab, target: Path, fault: Fault | None, rate: float, sources: int) -> float:
    def options(role: str) -> list[str]:
        return ["--share", str(lab.share)] if role in ("peer1", "peer2")[:sources] else []

    with Cluster(DOWNLOADER, NetnsLauncher(lab.network, PORT), options) as cluster:
        cluster.start()
        cluster.wait_for_documents(1, WAIT_SECONDS)
        control = cluster.peers[-1].control
        start = time.monotonic()
        number = control.post("downloads", {"names": [NAME], "dir": str(target)})["id"]
        if fault is not None:
            start = _happen(lab, cluster, fault, number, rate)
        wait_until((target / NAME).exists, start + WAIT_SECONDS, "it takes too long")
        return time.monotonic() - start


def _happen(lab: Lab, cluster: Cluster, fault: Fault, number: str, rate: float) -> float:
    """Return when the file would be complete at `rate` (bytes/s) from the fault on."""
    control = cluster.peers[-1].control

    def done() -> int:
        return int(control.get(f"downloads/{number}")["bytes_done"])

    wait_until(lambda: done() >= fault.after * lab.size, time.monotonic() + WAIT_SECONDS, "it takes too long")
    fault.happen(lab, cluster)
    return time.monotonic() + (lab.size - done()) / rate


def _cut(lab: Lab, cluster: Cluster) -> None:
    lab.network.cut(1)


def _suspend(lab: Lab, cluster: Cluster) -> None:
    pid = cluster.peers[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    time.sleep(SUSPENDED_SECONDS)
    os.kill(pid, signal.SIGCONT)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=32, help="MiB of the file; default: 32")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; default: 3")
    parser.add_argument("--work", type=lambda text: text.split(","), default=list(WORKS), help=f"of {','.join(WORKS)}")
    parser.add_argument("--dir", type=Path, default=Path(), help="where the files are made; default: here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
