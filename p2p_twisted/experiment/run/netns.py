"""Hosts in network namespaces on one bridge, each with an uplink and a downlink of its own (Linux, root).

Every host is a network namespace with loopback and one interface, ``eth0``, 10.77.0.N/16. The bridge that joins them
is in a namespace too, so nothing is added to the machine's own network. ``tc tbf`` shapes both ends of each cable: the
host's end is its uplink, the bridge's end its downlink. Rates are bits/s of Ethernet frames without their preamble, so
TCP carries at most 1448/1514 of them.

Hosts know one another's Ethernet addresses from the start. If they learned them, the entries would go into one table
of the machine for all its namespaces, which has 1024 entries: too few for more than 31 hosts.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .iproute import COMMAND_TIMEOUT, PlaceError, ToolError, batch, run
from .namespaces import namespaces_of, problem, remove, remove_leftovers

MAX_HOSTS = 250
MIN_RATE = 8000
"""Bits/s."""
MTU = 1500
"""Bytes of an IP packet on every link."""
HEADERS = 14 + 20 + 32
"""Bytes of the headers of a segment: Ethernet, IPv4, TCP with timestamps."""
QUEUE_SECONDS = 0.05
"""The time in which a full queue before a link drains."""
BURST_SECONDS = 0.001
MIN_BURST = 5 * 1514
"""Bytes that a link may carry at once, at least; more would make short transfers look faster than the link."""
CONGESTION_CONTROL = "cubic"
"""TCP's congestion control in every host: the default of Linux, so that the machine's own setting does not matter."""
PREFIX = "p2plab"
"""The start of the names of all namespaces."""

_numbers = itertools.count(1)  # of the networks of this process


@dataclass(frozen=True)
class Traffic:
    """Bytes of data that one host has sent and received over TCP since the network was made.

    Includes retransmissions but no headers; a few bytes off for anything that is not TCP.
    """

    sent: int
    received: int


class HostNetwork:
    """``hosts`` hosts on shaped links, numbered from 1, that exist for the time of a ``with`` block.

    ``up`` and ``down`` are the rates of every host in bits/s. Entering the block first removes the namespaces that
    networks of the same ``prefix`` left behind if their process is dead. Leaving it, also after an exception, kills all
    processes in the hosts and removes them. ``with`` raises PlaceError.
    """

    def __init__(self, hosts: int, up: int, down: int, prefix: str = PREFIX) -> None:
        if not 1 <= hosts <= MAX_HOSTS:
            raise ValueError(f"a network has 1 to {MAX_HOSTS} hosts, not {hosts}")
        self.hosts = range(1, hosts + 1)
        self.congestion_control = CONGESTION_CONTROL
        """TCP's congestion control in the hosts: the machine's own if its kernel lacks the usual one."""
        self._rates = (checked(up), checked(down))
        self._prefix = prefix
        self._name = f"{prefix}-{os.getpid()}-{next(_numbers)}"
        self._switch = f"{self._name}-switch"
        self._started: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> HostNetwork:
        if complaint := problem(os.geteuid(), shutil.which):
            raise PlaceError(complaint)
        remove_leftovers(self._prefix)
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def namespace(self, host: int) -> str:
        """Return the name of the network namespace of ``host``, as ``ip netns`` lists it."""
        return f"{self._name}-h{self._known(host)}"

    def address(self, host: int) -> str:
        """Return the IPv4 address of ``host``."""
        return f"10.77.0.{self._known(host)}"

    def popen(self, host: int, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start ``argv`` in ``host``, with ``options`` of Popen, in a session of its own out of reach of Ctrl-C.

        The process id is that of the program itself. It shares the file system and Unix sockets of the machine.
        """
        options.setdefault("start_new_session", True)
        process = subprocess.Popen(["ip", "netns", "exec", self.namespace(host), *argv], **options)
        self._started.append(process)
        return process

    def set_rate(self, host: int, up: int, down: int) -> None:
        """Change the rates of ``host``, in bits/s."""
        run(["tc", "-n", self.namespace(host), *shape("eth0", checked(up)).split()])
        run(["tc", "-n", self._switch, *shape(f"p{host}", checked(down)).split()])

    def cut(self, host: int) -> None:
        """Unplug the cable of ``host``: nothing arrives or leaves any more."""
        run(["ip", "-n", self._switch, "link", "set", f"p{self._known(host)}", "down"])

    def traffic(self) -> dict[int, Traffic]:
        """Return the traffic of each host, counted at the bridge, behind the shapers of both its links."""
        ports = self._ports()
        return {host: ports[f"p{host}"] for host in self.hosts}

    def _ports(self) -> dict[str, Traffic]:
        """Return the traffic of each interface of the switch, as its other end sees it."""
        links = json.loads(run(["ip", "-n", self._switch, "-s", "-j", "link", "show"]))
        return {link["ifname"]: _traffic(link["stats64"]) for link in links}

    def close(self) -> None:
        """Kill all processes in the hosts and remove the hosts. Ctrl-C has to wait."""
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            for process in self._started:
                process.kill()
            for name in namespaces_of(re.escape(self._name)):
                remove(name)
            for process in self._started:
                process.wait(COMMAND_TIMEOUT)
            self._started.clear()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)

    def _bridges(self) -> list[str]:
        """Return the commands of ``ip`` that make the bridges of the switch."""
        return ["link add bridge type bridge stp_state 0", "link set bridge up"]

    def _bridge(self, host: int) -> str:
        """Return the name of the bridge that the cable of ``host`` leads to."""
        return "bridge"

    def _build(self) -> None:
        names = [self._switch, *map(self.namespace, self.hosts)]
        batch(["ip"], [f"netns add {name}" for name in names])
        cables = [
            f"link add p{n} mtu {MTU} type veth "
            f"peer name eth0 address {_ethernet(n)} mtu {MTU} netns {self.namespace(n)}"
            for n in self.hosts
        ]
        plugs = [f"link set p{n} master {self._bridge(n)} up" for n in self.hosts]
        batch(["ip", "-n", self._switch], [*self._bridges(), *cables, *plugs])
        for host in self.hosts:
            links = ["link set lo up", f"address add {self.address(host)}/16 dev eth0", "link set eth0 up"]
            others = [other for other in self.hosts if other != host]
            known = [f"neighbour add {self.address(n)} lladdr {_ethernet(n)} dev eth0 nud permanent" for n in others]
            batch(["ip", "-n", self.namespace(host)], [*links, *known])
            self.set_rate(host, *self._rates)
        self.congestion_control = self._choose_congestion_control()

    def _choose_congestion_control(self) -> str:
        """Set CONGESTION_CONTROL in all hosts; return it, or the machine's own if the kernel lacks it.

        A route attribute may name any congestion control, a namespace's sysctl only those that the machine allows to
        all processes.
        """
        try:
            for host in self.hosts:
                route = f"route replace 10.77.0.0/16 dev eth0 src {self.address(host)} congctl {CONGESTION_CONTROL}"
                run(["ip", "-n", self.namespace(host), *route.split()])
        except ToolError:
            control = "/proc/sys/net/ipv4/tcp_congestion_control"
            return run(["ip", "netns", "exec", self.namespace(1), "cat", control]).strip()
        return CONGESTION_CONTROL

    def _known(self, host: int) -> int:
        if host not in self.hosts:
            raise ValueError(f"there is no host {host} in a network of {len(self.hosts)}")
        return host


def reason_unavailable(prefix: str = PREFIX) -> str | None:
    """Make a network of one host; return one line with the reason if that fails, else None."""
    try:
        with HostNetwork(1, 1_000_000, 1_000_000, prefix):
            return None
    except PlaceError as error:
        return str(error)


def _ethernet(host: int) -> str:
    return f"02:00:00:00:00:{host:02x}"


def shape(device: str, rate: int) -> str:
    """Return the command of ``tc`` that limits what leaves through ``device`` to ``rate`` bits/s."""
    burst = max(MIN_BURST, int(rate / 8 * BURST_SECONDS))
    limit = burst + int(rate / 8 * QUEUE_SECONDS)
    return f"qdisc replace dev {device} root tbf rate {rate}bit burst {burst} limit {limit}"


def checked(rate: int) -> int:
    """Return ``rate``, in bits/s. Raises ValueError if a link cannot have it."""
    if rate < MIN_RATE:
        raise ValueError(f"a link carries at least {MIN_RATE} bits a second, not {rate}")
    return rate


def _traffic(stats: dict[str, dict[str, int]]) -> Traffic:
    # The kernel counts segments that travel together as one frame with one header, so the rest is the data.
    data = {way: max(0, counted["bytes"] - HEADERS * counted["packets"]) for way, counted in stats.items()}
    return Traffic(sent=data["rx"], received=data["tx"])
