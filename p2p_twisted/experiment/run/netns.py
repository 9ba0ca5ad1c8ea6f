"""A laboratory of hosts: network namespaces on one bridge, each with an uplink and a downlink of its own (Linux, root).

Every host is a network namespace with loopback and one interface, ``eth0``, 10.77.0.N/24. The bridge that joins them
lives in a namespace too, so nothing is added to the machine's own network. ``tc tbf`` shapes the two ends of each
cable: the host's end is its uplink, the bridge's end its downlink. Rates are bits a second of Ethernet frames without
their preamble, so TCP carries at most 1448/1514 of them.

Hosts know one another's Ethernet addresses from the start: what they would learn goes into one table of the machine for
all its namespaces, which has 1024 entries, too few for more than 31 hosts.
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

from .iproute import COMMAND_TIMEOUT, PlaceError, ToolError, batch, run

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
TOOLS = ("ip", "tc")

_numbers = itertools.count(1)  # of the laboratories of this process


@dataclass(frozen=True)
class Traffic:
    """Bytes of data that one host has sent and received over TCP since the laboratory exists.

    Retransmissions are in it, headers are not; a few bytes off for what is not TCP.
    """

    sent: int
    received: int


class HostNetwork:
    """``hosts`` hosts on shaped links, numbered from 1, that exist for the time of a ``with`` block.

    ``up`` and ``down`` are every host's rates in bits a second. Leaving the block, for whatever reason, kills what
    still runs in the hosts and removes them. Entering it first removes what laboratories of the same ``prefix`` left
    behind whose process is dead. ``with`` raises PlaceError.
    """

    def __init__(self, hosts: int, up: int, down: int, prefix: str = "p2plab") -> None:
        if not 1 <= hosts <= MAX_HOSTS:
            raise ValueError(f"a laboratory has 1 to {MAX_HOSTS} hosts, not {hosts}")
        self.hosts = range(1, hosts + 1)
        self.congestion_control = CONGESTION_CONTROL
        """Of TCP in the hosts, once they exist: the machine's own where its kernel lacks CONGESTION_CONTROL."""
        self._rates = (_checked(up), _checked(down))
        self._prefix = prefix
        self._name = f"{prefix}-{os.getpid()}-{next(_numbers)}"
        self._switch = f"{self._name}-switch"
        self._started: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> "HostNetwork":
        problem = missing(os.geteuid(), shutil.which)
        if problem:
            raise PlaceError(problem)
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
        run(["tc", "-n", self.namespace(host), *_shape("eth0", _checked(up)).split()])
        run(["tc", "-n", self._switch, *_shape(f"p{host}", _checked(down)).split()])

    def cut(self, host: int) -> None:
        """Pull the cable of ``host``: nothing arrives there or leaves it any more."""
        run(["ip", "-n", self._switch, "link", "set", f"p{self._known(host)}", "down"])

    def traffic(self) -> dict[int, Traffic]:
        """What each host has sent and received, counted at the bridge, behind the shapers of both its links."""
        links = json.loads(run(["ip", "-n", self._switch, "-s", "-j", "link", "show"]))
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
        batch(["ip"], [f"netns add {name}" for name in names])
        cables = [
            f"link add p{n} mtu {MTU} type veth "
            f"peer name eth0 address {_ethernet(n)} mtu {MTU} netns {self.namespace(n)}"
            for n in self.hosts
        ]
        plugs = [f"link set p{n} master bridge up" for n in self.hosts]
        bridge = ["link add bridge type bridge stp_state 0", "link set bridge up"]
        batch(["ip", "-n", self._switch], [*bridge, *cables, *plugs])
        for host in self.hosts:
            links = ["link set lo up", f"address add {self.address(host)}/24 dev eth0", "link set eth0 up"]
            others = [other for other in self.hosts if other != host]
            known = [f"neighbour add {self.address(n)} lladdr {_ethernet(n)} dev eth0 nud permanent" for n in others]
            batch(["ip", "-n", self.namespace(host)], [*links, *known])
            self.set_rate(host, *self._rates)
        self.congestion_control = self._choose_congestion_control()

    def _choose_congestion_control(self) -> str:
        """Set CONGESTION_CONTROL in all hosts; return it, or the machine's own if the kernel lacks it.

        An attribute of the route may name any, a namespace's sysctl only those that the machine allows to everybody.
        """
        try:
            for host in self.hosts:
                route = f"route replace 10.77.0.0/24 dev eth0 src {self.address(host)} congctl {CONGESTION_CONTROL}"
                run(["ip", "-n", self.namespace(host), *route.split()])
        except ToolError:
            control = "/proc/sys/net/ipv4/tcp_congestion_control"
            return run(["ip", "netns", "exec", self.namespace(1), "cat", control]).strip()
        return CONGESTION_CONTROL

    def _known(self, host: int) -> int:
        if host not in self.hosts:
            raise ValueError(f"there is no host {host} in a laboratory of {len(self.hosts)}")
        return host


def missing(euid: int, which: Callable[[str], str | None]) -> str | None:
    """One line that says what this process lacks to make a laboratory, or None; ``which`` finds programs."""
    if euid != 0:
        return "network namespaces need root: run this as root (sudo)"
    absent = [tool for tool in TOOLS if which(tool) is None]
    return f"not found: {', '.join(absent)}; install iproute2" if absent else None


def why_not(prefix: str = "p2plab") -> str | None:
    """Return one line that says why this process cannot make a laboratory, or None: it makes one to see."""
    try:
        with HostNetwork(1, 1_000_000, 1_000_000, prefix):
            return None
    except PlaceError as error:
        return str(error)


def remove_leftovers(prefix: str) -> list[str]:
    """Remove the namespaces of laboratories called ``prefix`` whose process is dead; their names. Raises PlaceError."""
    named = {name: name[len(prefix) + 1 :].split("-")[0] for name in _namespaces(rf"{re.escape(prefix)}-\d+-\d+")}
    dead = [name for name, owner in named.items() if not Path("/proc", owner).exists()]
    for name in dead:
        _remove(name)
    return dead


def _namespaces(network: str) -> list[str]:
    listed = [line.split()[0] for line in run(["ip", "netns", "list"]).splitlines() if line.strip()]
    return [name for name in listed if re.fullmatch(rf"{network}-(switch|h\d+)", name)]


def _remove(name: str) -> None:
    """Kill the processes of a namespace, those born meanwhile too, then delete it."""
    for _ in range(50):
        pids = run(["ip", "netns", "pids", name]).split()
        if not pids:
            break
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
    run(["ip", "netns", "delete", name])


def _ethernet(host: int) -> str:
    return f"02:00:00:00:00:{host:02x}"


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
