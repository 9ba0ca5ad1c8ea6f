"""Memory used for a large file: by the sending peer, the receiving one, and a sender with slow readers.

    python -m benchmarks.memory [--size 4096] [--readers 50] [--seconds 90] [--dir DIR]

Two peers on loopback; one shares a file of ``--size`` MiB and the other fetches it. Then as many readers as
``--readers`` request the same file from the first and read 10 KB/s each. Peaks are the kernel's own (VmHWM), in MB of
10^6 bytes; the bar is 120. What the kernel holds in socket buffers is not the peer's, and is shown apart.
"""

import argparse
import contextlib
import hashlib
import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ports import Ports
from p2p_twisted.experiment.run.cluster import Cluster, wait_until
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.processes import ClusterError, Member
from p2p_twisted.web.control_client import ControlError
from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.messages import GetFile, Request, Version

REPOSITORY = Path(__file__).parents[1]
NAME = "large.bin"
BLOCK_MIB = 64  # of random bytes, again and again
WAIT_TIMEOUT = 300  # s for each thing that is waited for
SLOW = 10_000  # bytes/s that a slow reader reads
READ_SECONDS = 0.1  # between its reads
BAR = 120  # MB


def main() -> None:
    options = _options()
    os.environ["PYTHONPATH"] = str(REPOSITORY)  # for the peers
    try:
        with Interrupts(), tempfile.TemporaryDirectory(prefix="memory-", dir=options.dir.resolve()) as folder:
            peaks = _measure(Path(folder), options)
    except (ClusterError, ControlError, OSError) as error:
        sys.exit(f"memory: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if max(peaks) < BAR else 1)


def _measure(folder: Path, options: argparse.Namespace) -> list[float]:
    """Measure and print; the peaks of the peers in MB."""
    share, target = folder / "share", folder / "target"
    share.mkdir()
    target.mkdir()
    sha256 = _make(share / NAME, options.size)
    launcher = Ports()
    with Cluster(2, launcher, lambda role: ("--share", str(share)) if role == "peer1" else ()) as cluster:
        cluster.start()
        sender, receiver = cluster.peers
        idle = _peak(receiver)
        cluster.wait_for_documents(1, WAIT_TIMEOUT)
        seconds = _fetch(receiver, target)
        peaks = [_peak(sender), _peak(receiver)]
        if _sha256(target / NAME) != sha256:
            raise ClusterError("what was fetched is wrong")
        print(f"{options.size} MiB fetched in {seconds:.1f} s; a peer that has done nothing yet has {idle:.0f} MB")
        print(f"peak of the sending peer    {peaks[0]:6.1f} MB (it has hashed the file, too)")
        print(f"peak of the receiving peer  {peaks[1]:6.1f} MB")
        before, buffers = _forget_peak(sender), _socket_buffers()
        with _readers((launcher.address("peer1"), launcher.ports["peer1"]), options.readers) as readers:
            rate = _read_slowly(readers, options.seconds)
            peaks.append(_peak(sender))
            buffers = _socket_buffers() - buffers
        each = (peaks[-1] - before) / options.readers * 1000
        print(f"{options.readers} slow readers for {options.seconds:g} s, the slowest at {rate / 1000:.1f} KB/s:")
        print(f"  sending peer {before:.1f} -> {peaks[-1]:.1f} MB, {each:.0f} KB each")
        print(f"  the kernel's socket buffers {buffers:+.0f} MB")
    return peaks


def _fetch(receiver: Member, target: Path) -> float:
    """Fetch the file into ``target``; seconds."""
    order = {"names": [NAME], "dir": str(target)}
    start = time.monotonic()
    number = receiver.control.post("downloads", order)["id"]

    def over() -> bool:
        return receiver.control.get(f"downloads/{number}")["state"] not in ("waiting", "running")

    wait_until(over, start + WAIT_TIMEOUT, f"not fetched within {WAIT_TIMEOUT} s")
    seconds = time.monotonic() - start
    download = receiver.control.get(f"downloads/{number}")
    if download["state"] != "done":
        raise ClusterError(f"the download {download['state']}: {download['error']}")
    return seconds


@contextlib.contextmanager
def _readers(address: tuple[str, int], count: int) -> Iterator[list[socket.socket]]:
    request = encode_request(Request(GetFile(NAME), Version.V11, address[0], "Linux"))
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(socket.create_connection(address, 5)) for _ in range(count)]
        for reader in readers:
            reader.sendall(request)
            reader.setblocking(False)
        yield readers


def _read_slowly(readers: list[socket.socket], seconds: float) -> float:
    """Let each read at its pace; bytes/s of the one that got least."""
    got = dict.fromkeys(readers, 0)
    start = time.monotonic()
    for turn in range(int(seconds / READ_SECONDS)):
        for reader in readers:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                got[reader] += len(reader.recv(int(SLOW * READ_SECONDS)))
        time.sleep(max(0.0, start + (turn + 1) * READ_SECONDS - time.monotonic()))
    return min(got.values()) / (time.monotonic() - start)


def _peak(peer: Member) -> float:
    """MB that the peer has had in memory at the most."""
    status = Path(f"/proc/{peer.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def _forget_peak(peer: Member) -> float:
    """Reset the peak to the memory that the peer uses now, MB."""
    Path(f"/proc/{peer.pid}/clear_refs").write_text("5")
    return _peak(peer)


def _socket_buffers() -> float:
    """MB that the kernel holds for all TCP sockets of the machine."""
    line = next(line for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:"))
    return int(line.split()[-1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _make(path: Path, size: int) -> str:
    """Write a file of ``size`` MiB; its SHA-256."""
    block = random.Random(size).randbytes(BLOCK_MIB * 2**20)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, BLOCK_MIB):
            part = block[: (size - start) * 2**20]
            digest.update(part)
            file.write(part)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _options() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("--size", type=int, default=4096, help="MiB of the file; default: 4096")
    parser.add_argument("--readers", type=int, default=50, help="slow readers at once; default: 50")
    parser.add_argument("--seconds", type=float, default=90, help="how long they read; default: 90")
    parser.add_argument("--dir", type=Path, default=Path(), help="where the files are made; default: here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
