"""A laboratory of hosts: network namespaces on one bridge, each with an uplink and a downlink of its own (Linux, root).

Every host is a network namespace with loopback and one interface, ``eth0``, 10.77.0.N/24. The bridge that joins them
lives in a namespace too, so nothing is added to the machine's own network. ``tc tbf`` shapes the two ends of each
cable: the host's end is its uplink, the bridge's end its downlink. Rates are bits a second of Ethernet frames without
their preamble, so TCP carries at most 1448/1514 of them.
"""

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

MAX_HOSTS = 250
MTU = 1500
"""Bytes of an IP packet on every link."""
HEADERS = 14 + 20 + 32
"""Bytes that a segment carries beside its data: Ethernet, IPv4, TCP with timestamps."""
QUEUE_SECONDS = 0.05
"""What a full queue before a link takes to drain."""
BURST_SECONDS = 0.001
MIN_BURST = 5 * 1514
"""Bytes that a link may carry at once, at least; more makes short transfers look faster than the link."""
CONGESTION_CONTROL = "cubic"
"""Of TCP in every host, Linux's own default: a laboratory does not depend on what its machine is set to."""
COMMAND_TIMEOUT = 30
TOOLS = ("ip", "tc")

_numbers = itertools.count(1)  # of the laboratories of this process


class LabError(Exception):
    """The laboratory cannot be had, or one of its commands failed; the text is one line that says why."""


@dataclass(frozen=True)
class Traffic:
    """Bytes of data that one host has sent and received over TCP since the laboratory exists.

    Retransmissions are in it, headers are not; a few bytes off for what is not TCP.
    """

    sent: int
    received: int


class NetLab:
    """``hosts`` shaped hosts, numbered from 1, that exist from ``with NetLab(...) as lab`` to the end of the block.

    ``up`` and ``down`` are every host's rates in bits a second. Leaving the block, for whatever reason, kills what
    still runs in the hosts and removes them. Entering it first removes what laboratories of the same ``prefix`` left
    behind whose process is dead. ``with`` raises LabError.
    """

    def __init__(self, hosts: int, up: int, down: int, prefix: str = "p2plab") -> None:
        if not 1 <= hosts <= MAX_HOSTS:
            raise ValueError(f"a laboratory has 1 to {MAX_HOSTS} hosts, not {hosts}")
        self.hosts = range(1, hosts + 1)
        self._rates = (_checked(up), _checked(down))
        self._prefix = prefix
        self._name = f"{prefix}-{os.getpid()}-{next(_numbers)}"
        self._switch = f"{self._name}-switch"
        self._started: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> "NetLab":
        problem = missing(os.geteuid(), shutil.which)
        if problem:
            raise LabError(problem)
        remove_leftovers(self._prefix)
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def namespace(self, host: int) -> str:
        """The name of the network namespace that is ``host``, as ``ip netns`` knows it."""
        return f"{self._name}-h{self._known(host)}"

    def address(self, host: int) -> str:
        """The IPv4 address of ``host``."""
        return f"10.77.0.{self._known(host)}"

    def popen(self, host: int, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start ``argv`` in ``host``; ``options`` are Popen's. It has a session of its own: Ctrl-C does not reach it.

        The process' id is that of the program itself. File system and Unix sockets are the machine's.
        """
        options.setdefault("start_new_session", True)
        process = subprocess.Popen(["ip", "netns", "exec", self.namespace(host), *argv], **options)
        self._started.append(process)
        return process

    def set_rate(self, host: int, up: int, down: int) -> None:
        """Change the rates of ``host`` at once, bits a second."""
        _run(["tc", "-n", self.namespace(host), *_shape("eth0", _checked(up)).split()])
        _run(["tc", "-n", self._switch, *_shape(f"p{host}", _checked(down)).split()])

    def cut(self, host: int) -> None:
        """Pull the cable of ``host``: nothing arrives there or leaves it any more."""
        _run(["ip", "-n", self._switch, "link", "set", f"p{self._known(host)}", "down"])

    def traffic(self) -> dict[int, Traffic]:
        """What each host has sent and received, counted at the bridge, behind the shapers of both its links."""
        links = json.loads(_run(["ip", "-n", self._switch, "-s", "-j", "link", "show"]))
        stats = {link["ifname"]: link["stats64"] for link in links}
        return {host: _traffic(stats[f"p{host}"]) for host in self.hosts}

    def close(self) -> None:
        """Kill what runs in the hosts and remove them; a Ctrl-C meanwhile waits until that is done."""
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            for process in self._started:
                process.kill()
            for name in _namespaces(re.escape(self._name)):
                _remove(name)
            for process in self._started:
                process.wait(COMMAND_TIMEOUT)
            self._started.clear()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)

    def _build(self) -> None:
        names = [self._switch, *map(self.namespace, self.hosts)]
        _batch(["ip"], [f"netns add {name}" for name in names])
        cables = [
            f"link add p{n} mtu {MTU} type veth peer name eth0 mtu {MTU} netns {self.namespace(n)}" for n in self.hosts
        ]
        plugs = [f"link set p{n} master bridge up" for n in self.hosts]
        bridge = ["link add bridge type bridge stp_state 0", "link set bridge up"]
        _batch(["ip", "-n", self._switch], [*bridge, *cables, *plugs])
        for host in self.hosts:
            address = f"address add {self.address(host)}/24 dev eth0"
            _batch(["ip", "-n", self.namespace(host)], ["link set lo up", address, "link set eth0 up"])
            self.set_rate(host, *self._rates)
            control = f"echo {CONGESTION_CONTROL} > /proc/sys/net/ipv4/tcp_congestion_control"
            _run(["ip", "netns", "exec", self.namespace(host), "sh", "-c", control])

    def _known(self, host: int) -> int:
        if host not in self.hosts:
            raise ValueError(f"there is no host {host} in a laboratory of {len(self.hosts)}")
        return host


class LabHosts:
    """The laboratory as the place where a cluster's processes run: ``peerN`` in host N, ``rs`` in the last host.

    All listen on the same ``port``. It is a ``processes.Launcher``.
    """

    def __init__(self, lab: NetLab, port: int) -> None:
        self._lab = lab
        self._port = port

    def host(self, role: str) -> int:
        """The number of the host that has ``role``."""
        return self._lab.hosts[-1] if role == "rs" else int(role.removeprefix("peer"))

    def address(self, role: str) -> str:
        """The IPv4 address of the host of ``role``."""
        return self._lab.address(self.host(role))

    def port(self, role: str) -> int:
        """The port: each host has its own."""
        return self._port

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start ``argv`` in the host of ``role``; see NetLab.popen."""
        return self._lab.popen(self.host(role), argv, **options)


def missing(euid: int, which: Callable[[str], str | None]) -> str | None:
    """One line that says what this process lacks to make a laboratory, or None; ``which`` finds programs."""
    if euid != 0:
        return "network namespaces need root: run this as root (sudo)"
    absent = [tool for tool in TOOLS if which(tool) is None]
    return f"not found: {', '.join(absent)}; install iproute2" if absent else None


def remove_leftovers(prefix: str) -> list[str]:
    """Remove the namespaces of laboratories called ``prefix`` whose process is dead; their names. Raises LabError."""
    named = {name: name[len(prefix) + 1 :].split("-")[0] for name in _namespaces(rf"{re.escape(prefix)}-\d+-\d+")}
    dead = [name for name, owner in named.items() if not Path("/proc", owner).exists()]
    for name in dead:
        _remove(name)
    return dead


def _namespaces(laboratory: str) -> list[str]:
    listed = [line.split()[0] for line in _run(["ip", "netns", "list"]).splitlines() if line.strip()]
    return [name for name in listed if re.fullmatch(rf"{laboratory}-(switch|h\d+)", name)]


def _remove(name: str) -> None:
    """Kill the processes of a namespace, those born meanwhile too, then delete it."""
    for _ in range(50):
        pids = _run(["ip", "netns", "pids", name]).split()
        if not pids:
            break
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
    _run(["ip", "netns", "delete", name])


def _shape(device: str, rate: int) -> str:
    burst = max(MIN_BURST, int(rate / 8 * BURST_SECONDS))
    limit = burst + int(rate / 8 * QUEUE_SECONDS)
    return f"qdisc replace dev {device} root tbf rate {rate}bit burst {burst} limit {limit}"


def _checked(rate: int) -> int:
    if rate < 8000:
        raise ValueError(f"a link carries at least 8000 bits a second, not {rate}")
    return rate


def _traffic(stats: dict[str, dict[str, int]]) -> Traffic:
    # The kernel counts segments that travel together as one frame with one header, so what is left is the data.
    data = {way: max(0, counted["bytes"] - HEADERS * counted["packets"]) for way, counted in stats.items()}
    return Traffic(sent=data["rx"], received=data["tx"])


def _batch(tool: list[str], lines: list[str]) -> None:
    _run([*tool, "-batch", "-"], "\n".join(lines) + "\n")


def _run(argv: list[str], text: str = "") -> str:
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=COMMAND_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{argv[0]}: {error}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise LabError(f"{' '.join(argv)}: {said[0]}")
    return done.stdout
