"""A real peer with two real RS: one dies or falls silent, and the other has the peer within five seconds."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.cli import exits
from p2p_twisted.experiment.run.netns import HostNetwork, reason_unavailable
from p2p_twisted.web.control_client import ControlClient
from tests.support.host_twistd import start_in
from tests.support.redis_server import redis_server
from tests.support.rs_process import RSProcess, free_port
from tests.support.swarm_ca import SwarmCA
from tests.support.twistd import ROOT, Home, ended, home, status, wait_for

from ..cli.test_own_peer import run

PREFIX = "p2pfail"
MBIT = 1_000_000
WHY_NOT = reason_unavailable(PREFIX)
MAX_FAIL_OVER = 10.0
"""Seconds until another RS has answered a request: 5 are promised, but the machine may be busy."""


@pytest.fixture
def user() -> Iterator[Home]:
    with home() as made:
        yield made


def folders(parent: Path) -> list[Path]:
    """Make the folders of two RS."""
    made = [parent / name for name in ("first", "second")]
    for folder in made:
        folder.mkdir()
    return made


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[RSProcess]]:
    """Two RS that know nothing of one another."""
    made = [RSProcess(folder, "--registry", "memory") for folder in folders(tmp_path)]
    yield made
    for rs in made:
        rs.process.send_signal(signal.SIGCONT)
        rs.kill()


def options(servers: list[RSProcess]) -> list[str]:
    return [word for rs in servers for word in ("--rs", f"127.0.0.1:{rs.port}")]


def start(user: Home, servers: list[RSProcess]) -> Path:
    """Start a peer of `servers`, and return its state folder when it is registered."""
    state = user.state("peer")
    user.start(state, "p2p-peer", *options(servers), "--listen", f"tcp:{user.port()}:interface=127.0.0.1")
    wait_for(lambda: status(state)["rs"]["registered"])
    return state


def used(state: Path, servers: list[RSProcess]) -> list[RSProcess]:
    """Return the RS that the peer uses, then the other."""
    port = status(state)["rs"]["port"]
    return sorted(servers, key=lambda rs: rs.port != port)


def fail_over(state: Path, other: RSProcess) -> float:
    """Have the peer ask its RS; return the seconds until it uses the `other`."""
    began = time.monotonic()
    client = ControlClient(state)
    client.post("refresh", timeout=30)
    wait_for(lambda: client.get("status")["rs"]["port"] == other.port)
    client.close()
    return time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_other_rs_takes_over(user: Home, servers: list[RSProcess], number: signal.Signals) -> None:
    state = start(user, servers)
    first, other = used(state, servers)
    cookie = (state / "cookie").read_text()
    first.process.send_signal(number)
    assert fail_over(state, other) < MAX_FAIL_OVER
    found = status(state)["rs"]
    assert (found["registered"], found["last_error"]) == (True, None)
    assert found["why"].startswith(f"127.0.0.1:{first.port} failed ")
    assert [one["port"] for one in found["others"]] == [first.port]
    assert cookie in (state / "cookie").read_text(), "the cookie of the first RS is kept"
    assert len((state / "cookie").read_text().splitlines()) == 2


def test_a_command_is_a_peer_of_the_rs_that_answers(tmp_path: Path, servers: list[RSProcess]) -> None:
    (tmp_path / "state").mkdir()
    dead = f"127.0.0.1:{free_port()}"
    arguments = ["--rs", dead, "--rs", f"127.0.0.1:{servers[0].port}", "--state-dir", str(tmp_path / "state")]
    code, out, err = run("status", *arguments)
    assert (code, f"RS\t127.0.0.1:{servers[0].port}, registered\n" in out) == (0, True), err
    assert "RS chosen\t" in out
    arguments[3] = f"127.0.0.1:{free_port()}"
    code, _, err = run("status", *arguments)
    assert (code, err.startswith("p2p: not registered: none of 2 RS answers: ")) == (exits.RS_UNREACHABLE, True), err


def test_a_peer_finds_the_others_again_while_no_rs_answers(user: Home, servers: list[RSProcess]) -> None:
    shared = user.home / "shared"
    shared.mkdir()
    (shared / "a.txt").write_text("a document")
    holder, second = user.home / "states/holder", user.home / "states/second"
    listen = ["--rs", f"127.0.0.1:{servers[0].port}", "--listen", "tcp:0:interface=127.0.0.1"]
    user.start(holder, "p2p-peer", "--state-dir", str(holder), "--share", str(shared), *listen)
    process = user.start(second, "p2p-peer", "--state-dir", str(second), *listen)
    wait_for(lambda: documents(second) == ["a.txt"])
    ended(process)
    servers[0].kill()
    user.start(second, "p2p-peer", "--state-dir", str(second), *listen)
    wait_for(lambda: documents(second) == ["a.txt"])
    assert status(second)["rs"]["registered"] is False


def test_one_cookie_is_enough_for_two_rs_on_one_redis(user: Home, tmp_path: Path) -> None:
    redis = redis_server()
    shared = ["--registry", redis.url(), "--registry-prefix", redis.new_prefix()]
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(RSProcess(folder, *shared)) for folder in folders(tmp_path)]
        state = start(user, servers)
        first, other = used(state, servers)
        cookie = (state / "cookie").read_text().split()[1]
        first.kill()
        assert fail_over(state, other) < MAX_FAIL_OVER
        assert {line.split()[1] for line in (state / "cookie").read_text().splitlines()} == {cookie}
        rs = status(other.state)
        assert (rs["active"], rs["records"]) == (1, 1)
        assert status(state)["rs"]["last_error"] is None


def test_a_command_asks_the_peers_that_it_knew_before(user: Home, servers: list[RSProcess]) -> None:
    shared = user.home / "shared"
    shared.mkdir()
    (shared / "a.txt").write_text("a document")
    holder, own = user.home / "states/holder", user.home / "states/own"
    rs = ["--rs", f"127.0.0.1:{servers[0].port}"]
    listen = ["--listen", "tcp:0:interface=127.0.0.1"]
    process = user.start(holder, "p2p-peer", "--state-dir", str(holder), "--share", str(shared), *rs, *listen)
    wait_for(lambda: status(holder)["rs"]["registered"])
    code, out, err = run("ls", *rs, "--state-dir", str(own))
    assert (code, "a.txt" in out) == (0, True), err
    servers[0].kill()
    code, out, err = run("get", "a.txt", "-o", str(user.here), *rs, "--state-dir", str(own))
    assert (code, "asking 1 peer known from before" in err) == (0, True), err
    assert (user.here / "a.txt").read_text() == "a document"
    ended(process)
    code, _, err = run("ls", *rs, "--state-dir", str(own))
    assert (code, "not registered with RS" in err) == (exits.RS_UNREACHABLE, True), err


def test_tls_verifies_the_name_that_was_given(user: Home, tmp_path: Path) -> None:
    """Not the address that DNS gave for it."""
    ca, port = SwarmCA(tmp_path), user.port()
    listen = ["--listen", f"tcp:{port}:interface=127.0.0.1", "--registry", "memory"]
    user.start(user.state("rs"), "p2p-rs", *listen, "--tls", str(ca.issue("rs", ["localhost"])))
    own = ["--tls", str(ca.issue("alice")), "--state-dir", str(user.home / "own")]
    code, out, err = run("status", "--rs", f"localhost:{port}", *own)
    assert (code, f"RS\tlocalhost:{port} (127.0.0.1), registered\n" in out) == (exits.OK, True), err
    code, _, err = run("status", "--rs", f"127.0.0.1:{port}", *own)
    assert (code, "not for the host 127.0.0.1" in err) == (exits.RS_UNREACHABLE, True), err


@pytest.mark.skipif(WHY_NOT is not None, reason=f"no network namespaces: {WHY_NOT}")
def test_an_rs_whose_packets_are_dropped(user: Home) -> None:
    with HostNetwork(3, 100 * MBIT, 100 * MBIT, prefix=PREFIX) as network:
        for host in (1, 2):
            start_in(network, host, user, "p2p-rs", "--registry", "memory")
        state = start_in(network, 3, user, "p2p-peer", "--rs", network.address(1), "--rs", network.address(2))
        wait_for(lambda: status(state)["rs"]["registered"])
        first = status(state)["rs"]["host"]
        network.cut(1 if first == network.address(1) else 2)
        began = time.monotonic()
        client = ControlClient(state)
        client.post("refresh", timeout=30)
        wait_for(lambda: (rs := client.get("status")["rs"])["host"] != first and rs["registered"])
        client.close()
        assert time.monotonic() - began < MAX_FAIL_OVER


@pytest.mark.skipif(os.geteuid() != 0, reason="a namespace with a DNS server of its own needs root")
def test_a_name_with_srv_records(tmp_path: Path) -> None:
    command = ["unshare", "--net", "--mount", sys.executable, "-m", "tests.support.named_rs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout)
    assert (before["host"], before["port"], before["why"]) == ("rs.example", 65431, "drawn by chance from 2")
    assert {before["address"], after["address"]} == {"127.0.0.2", "127.0.0.3"}
    assert (after["host"], after["registered"]) == ("rs.example", True)


def documents(state: Path) -> list[str]:
    """Return the names of the documents that the peer on `state` knows."""
    client = ControlClient(state)
    try:
        return [item["name"] for item in client.get("index")["items"]]
    finally:
        client.close()
