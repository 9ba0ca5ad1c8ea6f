"""The place of an attack: an RS and honest peers in hosts of their own, and one more host for the strangers."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from benchmarks.attacks.metered_twistd import NUMBERS
from p2p_twisted.experiment.run.cluster import MAX_DOCUMENTS, Cluster
from p2p_twisted.experiment.run.iproute import batch
from p2p_twisted.experiment.run.netns import HostNetwork
from p2p_twisted.experiment.run.places import PORT, NetnsLauncher
from p2p_twisted.experiment.run.processes import TWISTD, ClusterError, Member
from p2p_twisted.web.control_client import ControlError
from p2p_twisted.wire.address import Address
from tests.support.strangers import Crowd

REPOSITORY = Path(__file__).parents[2]
RATE = 10**10
"""Bits/s of every link: no limit."""
NETWORK = "10.78.0.0/16"
"""The addresses of the strangers, all of which are at their host."""
MB = 10**6
CLONE_NEWNET = 0x40000000
FAULT_WORDS = ("Traceback", "Unhandled")


@dataclass(frozen=True)
class Load:
    """The peak of memory (bytes), the longest stall (s), and the longest one with waits for a processor (s)."""

    peak: int
    stall: float
    late: float


class Place(Crowd):
    """A running ``cluster``, and a crowd of strangers that register at its RS; this process is at their host."""

    def __init__(self, cluster: Cluster, launcher: _Launcher, host: str) -> None:
        super().__init__((launcher.address("rs"), PORT))
        self.cluster = cluster
        self.host = host
        """The address of this host in the network of the others; those of `stranger_address` are here, too."""
        self._launcher = launcher
        self.rs: Address = (launcher.address("rs"), PORT)
        self.peers: list[Address] = [(launcher.address(peer.role), PORT) for peer in cluster.peers]

    def run_at(self, role: str, *argv: str, stdout: int = PIPE) -> Popen[bytes]:
        """Start ``python -m ARGV`` in the host of an honest process; its output can be read."""
        return self._launcher.launch(role, (sys.executable, "-m", *argv), stdout=stdout, cwd=REPOSITORY)

    def run_here(self, *argv: str) -> Popen[bytes]:
        """Start ``python -m ARGV`` in the host of the strangers; its output can be read."""
        return Popen((sys.executable, "-m", *argv), stdout=PIPE, cwd=REPOSITORY, start_new_session=True)

    def forget(self) -> dict[str, int]:
        """Begin to measure all running processes anew; return the memory of each (bytes)."""
        running = [member for member in self.cluster.members if member.pid is not None]
        for member in running:
            Path(f"/proc/{member.pid}/clear_refs").write_text("5")
            with _meter(member.state_dir.parent).open("r+b") as meter:  # mapped by the process: never truncated
                meter.write(NUMBERS.pack(0, 0, 1))
        time.sleep(0.1)
        return {member.role: memory(member) for member in running}

    def load(self, member: Member) -> Load:
        """Return the load of a running process since `forget`."""
        stall, late, _ = NUMBERS.unpack(_meter(member.state_dir.parent).read_bytes())
        return Load(memory(member, "VmHWM"), stall, late)

    def log_faults(self) -> list[str]:
        """Return the lines of the logs that tell of an error that nobody has handled."""
        logs = ((member.role, member.log.read_text("utf-8", "replace")) for member in self.cluster.members)
        return [f"{role}: {line}" for role, log in logs for line in log.splitlines() if _is_fault(line)]


class _Launcher(NetnsLauncher):
    """Starts each process with a meter of its reactor."""

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> Popen[bytes]:
        if tuple(argv[:3]) == TWISTD[:3]:
            meter = _meter(Path(options["cwd"]))
            meter.write_bytes(bytes(NUMBERS.size))
            argv = (sys.executable, "-m", "benchmarks.attacks.metered_twistd", str(meter), *argv[3:])
        return super().launch(role, argv, **options)


@contextmanager
def place(peers: int, options: dict[str, Sequence[str]] | None = None, idle: int = 0) -> Iterator[Place]:
    """Provide a Place with ``peers`` that run, and ``idle`` more that the attack starts; ``options`` by role.

    Must be called in the main thread before there are others. Raises PlaceError, ClusterError.
    """
    os.environ["PYTHONPATH"] = str(REPOSITORY)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    with HostNetwork(peers + idle + 2, RATE, RATE, "p2patk") as network:
        _route_strangers(network)
        launcher = _Launcher(network, PORT)
        with Cluster(peers + idle, launcher, lambda role: (options or {}).get(role, ())) as cluster:
            try:
                _enter(os.open(f"/run/netns/{network.namespace(network.hosts[-2])}", os.O_RDONLY))
                made = Place(cluster, launcher, network.address(network.hosts[-2]))
                with made:
                    yield made
            finally:
                _enter(home)


def stranger_address(number: int) -> Address:
    """Return the address of stranger ``number``, from 0 on: each has an IP address of its own in NETWORK."""
    return f"10.78.{number // 250}.{number % 250 + 1}", PORT


def memory(member: Member, what: str = "VmRSS") -> int:
    """Return a figure of /proc/PID/status, in bytes. Raises ClusterError if the process has ended."""
    if member.pid is None:
        raise ClusterError(f"{member.role} has ended: {member.last_log_line()}")
    lines = Path(f"/proc/{member.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{what}:"))


def names_known(member: Member, search: str) -> set[str]:
    """Return the names that a search finds at a peer, empty while it does not answer."""
    try:
        return {item["name"] for item in member.control.get("index", q=search, limit=MAX_DOCUMENTS)["items"]}
    except ControlError:
        return set()


def _meter(folder: Path) -> Path:
    return folder / "meter"


def _is_fault(line: str) -> bool:
    return any(word in line for word in FAULT_WORDS)


def _route_strangers(network: HostNetwork) -> None:
    host = network.hosts[-2]
    batch(["ip", "-n", network.namespace(host)], [f"route add local {NETWORK} dev lo"])
    for other in network.hosts:
        if other != host:
            batch(["ip", "-n", network.namespace(other)], [f"route add {NETWORK} via {network.address(host)}"])


def _enter(descriptor: int) -> None:
    """Move this thread into a network namespace, and close ``descriptor``. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.setns(descriptor, CLONE_NEWNET)
    os.close(descriptor)
    if failed:
        raise OSError(ctypes.get_errno(), "setns")
