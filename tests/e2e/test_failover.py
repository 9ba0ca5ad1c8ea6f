"""A real peer with two real RS: one dies or falls silent, and the other has the peer within five seconds."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.cli import exits
from p2p_twisted.web.control_client import ControlClient
from tests.support.rs_process import RSProcess, free_port
from tests.support.twistd import Home, ended, home, status, wait_for

from ..cli.test_own_peer import run

FAIL_OVER = 5.0
"""Seconds from a request until another RS has answered it."""


@pytest.fixture
def user() -> Iterator[Home]:
    with home() as made:
        yield made


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[RSProcess]]:
    """Two RS that know nothing of one another."""
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    made = [RSProcess(folder, "--registry", "memory") for folder in folders]
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


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_other_rs_takes_over(user: Home, servers: list[RSProcess], number: signal.Signals) -> None:
    state = start(user, servers)
    first, other = used(state, servers)
    cookie = (state / "cookie").read_text()
    first.process.send_signal(number)
    began = time.monotonic()
    client = ControlClient(state)
    client.post("refresh", timeout=30)
    found: Any = wait_for(lambda: (rs := client.get("status")["rs"])["port"] == other.port and rs)
    client.close()
    assert time.monotonic() - began < FAIL_OVER
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


def documents(state: Path) -> list[str]:
    """Return the names of the documents that the peer on `state` knows."""
    client = ControlClient(state)
    try:
        return [item["name"] for item in client.get("index")["items"]]
    finally:
        client.close()
