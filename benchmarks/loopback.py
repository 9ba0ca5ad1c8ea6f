"""One large file over loopback, verified: ``curl`` from nginx and a checksum against ``p2p get``.

    python -m benchmarks.loopback [--size 1024] [--repeat 3] [--dir DIR]

Both read the same file from the same folder and write to the same file system, in turns; before each turn what the
one before wrote is deleted, and the disk is idle. curl, nginx using sendfile, is followed by ``sha256sum``, and by
``openssl dgst`` where there is one: coreutils' own SHA-256 is often several times slower than that of OpenSSL, which
uses the processor's instructions for it. ``p2p get`` is a command of its own each time: it starts, registers, finds the
file, fetches it from a serving peer and verifies it. With a running peer, it tells that one to fetch the file. The bar
is a ratio of 1 to curl and a checksum.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.ports import Ports
from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.processes import ClusterError

REPOSITORY = Path(__file__).parents[1]

NAME = "large.bin"
OURS, RUNNING = "p2p get", "p2p get, running peer"
CHECKS = {"sha256sum": (), "openssl": ("dgst", "-sha256", "-r")}
BLOCK = 2**20
MEMORY_MIB = 1536
COMMAND_SECONDS = 120
START_SECONDS = 10
NGINX_CONF = """
daemon off; worker_processes 1; pid {state}/pid; error_log {state}/error.log; user {user};
events {{ worker_connections 64; }}
http {{
    sendfile on; tcp_nopush on; access_log off; client_body_temp_path {state}/body;
    proxy_temp_path {state}/proxy; fastcgi_temp_path {state}/fastcgi;
    uwsgi_temp_path {state}/uwsgi; scgi_temp_path {state}/scgi;
    server {{ listen {address}:{port}; root {root}; }}
}}
"""


class BenchError(Exception):
    """The comparison cannot go on; the text is one line that says why."""


def main() -> None:
    options = parse(__doc__)
    tools = {name: _find(name) for name in ("nginx", "curl", *CHECKS)}
    if absent := [name for name, path in tools.items() if path is None and name != "openssl"]:
        sys.exit(f"loopback: not found: {', '.join(absent)}; install nginx-light, curl and coreutils")
    try:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every start compiles the package anew
        with Interrupts(), tempfile.TemporaryDirectory(prefix="loopback-", dir=options.dir.resolve()) as folder:
            _compare(Path(folder), options.size, options.repeat, {name: path for name, path in tools.items() if path})
    except (BenchError, ClusterError) as error:
        sys.exit(f"loopback: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _compare(folder: Path, size: int, repeat: int, tools: Mapping[str, str]) -> None:
    share, target, state = (folder / name for name in ("share", "target", "nginx"))
    for made in (share, target, state):
        made.mkdir()
    sha256 = make(share / NAME, size)
    times: dict[str, list[float]] = {}
    with _nginx(tools["nginx"], share, state) as url, peer(share, idle=True) as peers:
        for _ in range(repeat):
            taken = _curl(tools, url, target, sha256)
            taken[OURS] = p2p(peers.rs, target, sha256)
            taken[RUNNING] = _get(["--state-dir", str(peers.last)], target, sha256)
            for name, one in taken.items():
                times.setdefault(name, []).append(one)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in times.items():
        rate = size / 1024 / medians[name]
        print(f"{name:21} {medians[name]:6.2f} s  {rate:5.2f} GiB/s   runs {' '.join(f'{s:.2f}' for s in seconds)}")
    for name in medians:
        if name.startswith("curl and"):
            for ours in (OURS, RUNNING):
                print(f"{ours} / {name}: {medians[ours] / medians[name]:.2f}")


def _curl(tools: Mapping[str, str], url: str, target: Path, sha256: str) -> dict[str, float]:
    """Seconds of curl, of each of the checks that there are, and of curl with each."""
    path = cleared(target) / NAME
    times = {"curl": _timed([tools["curl"], "-sSf", "-o", str(path), url])[0]}
    for name, options in CHECKS.items():
        if name in tools:
            times[name], said = _timed([tools[name], *options, str(path)])
            times[f"curl and {name}"] = times["curl"] + times[name]
            if said.split()[0] != sha256:
                raise BenchError("curl brought a wrong file")
    return times


def p2p(rs: tuple[str, int], target: Path, sha256: str, options: Sequence[str] = ()) -> float:
    """Seconds of a ``p2p get`` that is a peer itself."""
    with tempfile.TemporaryDirectory(prefix="p2p-") as state:
        where = ["--rs-host", rs[0], "--rs-port", str(rs[1]), "--state-dir", state]
        return _get([*where, *options], target, sha256)


def _get(options: Sequence[str], target: Path, sha256: str) -> float:
    cleared(target)
    command = [sys.executable, "-m", "p2p_twisted.cli.main", "get", NAME, "-o", str(target), *options]
    seconds, _ = _timed(command)
    if _sha256(target / NAME) != sha256:
        raise BenchError("p2p get brought a wrong file")
    return seconds


@contextlib.contextmanager
def _nginx(program: str, root: Path, state: Path) -> Iterator[str]:
    """Serve ``root``; the URL of the file."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    user = "root" if os.geteuid() == 0 else "nobody"  # who is not root stays who he is, with a warning
    conf = state / "nginx.conf"
    conf.write_text(NGINX_CONF.format(state=state, user=user, address="127.0.0.1", port=port, root=root))
    argv = [program, "-p", str(state), "-e", str(state / "error.log"), "-c", str(conf)]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait_for(process, port, state / "error.log")
        yield f"http://127.0.0.1:{port}/{NAME}"
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    said = log.read_text().splitlines() if log.exists() else []
    raise BenchError(f"nginx does not serve: {said[-1] if said else 'it says nothing'}")


class Peers(NamedTuple):
    """The address of the RS, and the state folder of the last peer."""

    rs: tuple[str, int]
    last: Path


@contextlib.contextmanager
def peer(share: Path, more: Sequence[str] = (), idle: bool = False) -> Iterator[Peers]:
    """Run an RS and a peer that serves ``share``, with ``more`` options; and one that shares nothing, if ``idle``."""

    def options(role: str) -> Sequence[str]:
        return ("--share", str(share), *more) if role == "peer1" else more

    os.environ["PYTHONPATH"] = str(REPOSITORY)  # for every process of the package that is started from here on
    launcher = Ports()
    with Cluster(1 + idle, launcher, options) as cluster:
        cluster.start()
        cluster.wait_for_documents(1, COMMAND_SECONDS)
        yield Peers((launcher.address("rs"), launcher.ports["rs"]), cluster.peers[-1].state_dir)


def _timed(argv: list[str]) -> tuple[float, str]:
    """Seconds that a command takes, and what it says."""
    start = time.perf_counter()
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{Path(argv[0]).name}: not done after {COMMAND_SECONDS} s") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no word"]
        raise BenchError(f"{' '.join(argv[:4])}: exit status {done.returncode}: {said[-1]}")
    return time.perf_counter() - start, done.stdout


def make(path: Path, size: int) -> str:
    """Write ``size`` MiB of random bytes; their SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size):
            block = os.urandom(BLOCK)
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def cleared(target: Path) -> Path:
    """Empty ``target``, with the disk idle and memory at hand."""
    shutil.rmtree(target)
    target.mkdir()
    os.sync()
    touch_memory(target)
    return target


def touch_memory(folder: Path) -> None:
    """Have as much memory at hand as a large file takes in the page cache, by a file in ``folder``.

    A virtual machine may have given its free memory back to its host. Whoever gets it first then pays for it: 1.9 s of
    a processor for 1 GiB instead of 0.2, whatever it does otherwise.
    """
    block = bytes(BLOCK)
    with (folder / "memory").open("wb") as file:
        for _ in range(MEMORY_MIB):
            file.write(block)
    (folder / "memory").unlink()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _find(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def parse(text: str) -> argparse.Namespace:
    summary, _, details = text.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file; default: 1024")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; default: 3")
    parser.add_argument("--dir", type=Path, default=Path(), help="where the files are made; default: here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
