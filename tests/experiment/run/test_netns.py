"""The laboratory: hosts that reach each other through shaped links, and nothing left when it is gone."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from p2p_twisted.experiment.run import netns
from p2p_twisted.experiment.run.iproute import PlaceError
from p2p_twisted.experiment.run.namespaces import remove_leftovers
from p2p_twisted.experiment.run.netns import CONGESTION_CONTROL, HostNetwork, reason_unavailable
from p2p_twisted.experiment.run.places import NetnsLauncher

MBIT = 1_000_000
PREFIX = "p2ptest"


WHY_NOT = reason_unavailable(PREFIX)
needs_root = pytest.mark.skipif(WHY_NOT is not None, reason=f"no laboratory here: {WHY_NOT}")

SERVE = """
import socket, sys
listener = socket.create_server((sys.argv[1], 5000))
print("listening", flush=True)
while True:
    with listener.accept()[0] as connection:
        while connection.recv(65536):
            pass
        connection.sendall(b"thanks")
"""
SEND = """
import socket, sys
with socket.create_connection((sys.argv[1], 5000), float(sys.argv[2])) as connection:
    connection.sendall(bytes(int(sys.argv[3])))
    connection.shutdown(socket.SHUT_WR)
    print(connection.recv(100).decode())
"""
SLEEP = "import time; print('up', flush=True); time.sleep(600)"


def network_of(hosts: int) -> HostNetwork:
    return HostNetwork(hosts, 20 * MBIT, 100 * MBIT, prefix=PREFIX)


def namespaces() -> list[str]:
    """Those of this process, and those that a dead one left."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in listed.splitlines() if line.startswith(PREFIX)]
    owners = {name: name.split("-")[1] for name in names}
    return [name for name, pid in owners.items() if int(pid) == os.getpid() or not Path("/proc", pid).exists()]


def serve(network: HostNetwork, host: int) -> None:
    process = network.popen(host, [sys.executable, "-c", SERVE, network.address(host)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"listening\n"
    process.stdout.close()


def send(network: HostNetwork, sender: int, receiver: int, count: int, patience: float = 20) -> str:
    argv = [sys.executable, "-c", SEND, network.address(receiver), str(patience), str(count)]
    process = network.popen(sender, argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return str(process.communicate(timeout=60)[0].strip())


def rates(network: HostNetwork, host: int) -> list[int]:
    """What tc says about both ends of the cable of a host, bytes a second."""
    switch = network.namespace(host).rpartition("-")[0] + "-switch"
    found = []
    for namespace, device in ((network.namespace(host), "eth0"), (switch, f"p{host}")):
        argv = ["tc", "-n", namespace, "-j", "qdisc", "show", "dev", device]
        shown = json.loads(subprocess.run(argv, capture_output=True, check=True, timeout=20).stdout)
        found.append(shown[0]["options"]["rate"])
    return found


@needs_root
def test_hosts_reach_each_other_and_what_they_send_is_counted() -> None:
    with network_of(3) as network:
        serve(network, 2)
        before = network.traffic()
        assert send(network, 1, 2, 300_000) == "thanks"
        after = network.traffic()
    assert after[1].sent - before[1].sent == pytest.approx(300_000, rel=0.02)
    assert after[2].received - before[2].received == pytest.approx(300_000, rel=0.02)
    assert after[3].received - before[3].received < 2_000
    assert after[2].sent - before[2].sent < 5_000


@needs_root
def test_every_cable_has_the_rate_it_was_given_until_it_gets_another() -> None:
    with network_of(2) as network:
        assert rates(network, 1) == rates(network, 2) == [20 * MBIT // 8, 100 * MBIT // 8]
        network.set_rate(2, 1 * MBIT, 3 * MBIT)
        assert rates(network, 1) == [20 * MBIT // 8, 100 * MBIT // 8]
        assert rates(network, 2) == [1 * MBIT // 8, 3 * MBIT // 8]
        with pytest.raises(ValueError, match="8000 bits"):
            network.set_rate(2, 0, 3 * MBIT)


@needs_root
def test_a_host_whose_cable_is_cut_is_not_reached() -> None:
    with network_of(2) as network:
        serve(network, 2)
        assert send(network, 1, 2, 10) == "thanks"
        network.cut(2)
        assert send(network, 1, 2, 10, patience=0.3) == ""


@needs_root
def test_each_host_has_loopback_and_cannot_reach_the_machine() -> None:
    with network_of(1) as network:
        process = network.popen(1, ["ip", "-j", "address"], stdout=subprocess.PIPE)
        links = {link["ifname"]: link for link in json.loads(process.communicate(timeout=20)[0])}
    assert links.keys() == {"lo", "eth0"}
    assert "UP" in links["lo"]["flags"]
    assert links["eth0"]["mtu"] == 1500
    assert [a["local"] for a in links["eth0"]["addr_info"] if a["family"] == "inet"] == ["10.77.0.1"]


@needs_root
def test_nothing_is_left_and_the_machines_own_network_is_as_it_was() -> None:
    interfaces = socket.if_nameindex()
    with network_of(2) as network:
        process = network.popen(1, [sys.executable, "-c", SLEEP])
        assert len(namespaces()) == 3
        assert socket.if_nameindex() == interfaces
    assert namespaces() == []
    assert process.returncode == -9


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@needs_root
def test_nothing_is_left_when_the_block_fails(error: type[BaseException]) -> None:
    with pytest.raises(error), network_of(2):
        raise error
    assert namespaces() == []


@needs_root
def test_when_making_it_fails_nothing_is_left_and_one_line_names_command_words_and_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tc = tmp_path / "tc"
    tc.write_text("#!/bin/sh\necho 'Error: Specified qdisc kind is unknown.' >&2\nexit 2\n")
    tc.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(PlaceError) as failed, network_of(2):
        pass
    command, words, remedy = re.split(": |; ", str(failed.value).replace("Error: ", ""), maxsplit=2)
    assert command.startswith("tc -n p2ptest-")
    assert (words, remedy) == (
        "Specified qdisc kind is unknown",
        "the kernel lacks a module: modprobe -a veth bridge sch_tbf",
    )
    assert namespaces() == []


@needs_root
def test_grandchildren_do_not_outlive_it() -> None:
    start_another = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).wait()"
    with network_of(1) as network:
        process = network.popen(1, [sys.executable, "-c", start_another], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        argv = ["ip", "netns", "pids", network.namespace(1)]
        pids = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    process.stdout.close()
    assert len(pids) == 2
    assert [pid for pid in pids if is_running(pid)] == []


def is_running(pid: str) -> bool:
    """Whether there is a process of that id that is more than an entry waiting for its parent."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@needs_root
def test_namespaces_of_dead_processes_are_removed_and_those_in_use_stay() -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    leftover = f"{PREFIX}-{dead.pid}-1-h1"
    subprocess.run(["ip", "netns", "add", leftover], check=True)
    with network_of(1) as network:
        assert leftover not in namespaces()
        assert remove_leftovers(PREFIX) == []
        assert network.namespace(1) in namespaces()


CONNECT = """
import socket, subprocess, sys
with socket.create_connection((sys.argv[1], 5000), 20) as connection:
    connection.sendall(b"x")
    print(subprocess.run(["ss", "-tinH"], capture_output=True, text=True).stdout)
"""


def controls(network: HostNetwork, sender: int, receiver: int) -> str:
    """What ``ss`` says of a connection between two hosts at the end that makes it."""
    process = network.popen(
        sender, [sys.executable, "-c", CONNECT, network.address(receiver)], stdout=subprocess.PIPE, text=True
    )
    return str(process.communicate(timeout=60)[0])


@needs_root
@pytest.mark.skipif(shutil.which("ss") is None, reason="ss is not installed")
def test_hosts_use_cubic_under_any_default_of_the_machine() -> None:
    if "cubic" not in Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split():
        pytest.skip("this kernel has no cubic")
    with network_of(2) as network:
        assert network.congestion_control == CONGESTION_CONTROL == "cubic"
        serve(network, 2)
        assert " cubic " in controls(network, 1, 2)


@needs_root
def test_without_cubic_hosts_use_the_machines_own_and_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "CONGESTION_CONTROL", "nosuch")
    with network_of(2) as network:
        own = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
        assert network.congestion_control == own
        serve(network, 2)
        assert send(network, 1, 2, 10) == "thanks"


@needs_root
def test_hosts_know_one_another_without_the_machines_table() -> None:
    with network_of(3) as network:
        serve(network, 2)
        assert send(network, 1, 2, 10) == "thanks"
        argv = ["ip", "-n", network.namespace(1), "-4", "-j", "neighbour", "show", "dev", "eth0"]
        known = json.loads(subprocess.run(argv, capture_output=True, check=True, timeout=20).stdout)
    assert {one["dst"]: one["state"] for one in known} == {"10.77.0.2": ["PERMANENT"], "10.77.0.3": ["PERMANENT"]}


@needs_root
def test_two_laboratories_do_not_meet_even_when_one_is_made_in_a_thread() -> None:
    replies: list[str] = []

    def use() -> None:
        with network_of(2) as other:
            replies.append(send(other, 1, 2, 10, patience=0.3))

    with network_of(2) as network:
        serve(network, 2)
        thread = threading.Thread(target=use)
        thread.start()
        thread.join(60)
        replies.append(send(network, 1, 2, 10))
    assert replies == ["", "thanks"]


@needs_root
def test_a_cluster_finds_its_hosts() -> None:
    with network_of(3) as network:
        hosts = NetnsLauncher(network, 4400)
        assert [hosts.address(role) for role in ("peer1", "peer2", "rs")] == ["10.77.0.1", "10.77.0.2", "10.77.0.3"]
        assert hosts.port("peer1") == hosts.port("rs") == 4400
        argv = ["ip", "netns", "identify"]
        process = hosts.launch("peer2", argv, stdout=subprocess.PIPE)
        assert process.communicate(timeout=20)[0].decode().strip() == network.namespace(2)


def test_a_network_without_its_tools_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PlaceError, match="need root"), network_of(1):
        pass


@pytest.mark.parametrize("hosts", [0, 251])
def test_the_number_of_hosts_is_checked(hosts: int) -> None:
    with pytest.raises(ValueError, match="1 to 250 hosts"):
        network_of(hosts)


@pytest.mark.parametrize("host", [0, 3, -1])
def test_an_unknown_host_is_refused(host: int) -> None:
    network = network_of(2)
    for use in (network.address, network.namespace, network.cut, lambda n: network.set_rate(n, 20 * MBIT, 20 * MBIT)):
        with pytest.raises(ValueError, match=f"no host {host} "):
            use(host)
    with pytest.raises(ValueError, match=f"no host {host} "):
        network.popen(host, ["true"])


@pytest.mark.parametrize(("up", "down"), [(0, 100), (-1, 10**6), (10**6, 7999)])
def test_an_invalid_rate_is_refused(up: int, down: int) -> None:
    with pytest.raises(ValueError, match="8000 bits"):
        HostNetwork(1, up, down)
