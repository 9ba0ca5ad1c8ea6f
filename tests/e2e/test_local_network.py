"""A peer to which no RS was named finds one that is announced on its network, and only there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run.netns import HostNetwork, reason_unavailable
from tests.support.host_twistd import start_in
from tests.support.swarm_ca import SwarmCA
from tests.support.twistd import Home, home, status, wait_for

PREFIX = "p2pmdns"
MBIT = 1_000_000
WHY_NOT = reason_unavailable(PREFIX)

pytest.importorskip("zeroconf", reason="zeroconf is not installed: pip install -e '.[mdns]'")
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"no network namespaces: {WHY_NOT}")


@pytest.fixture
def network() -> Iterator[HostNetwork]:
    with HostNetwork(3, 100 * MBIT, 100 * MBIT, prefix=PREFIX) as made:
        yield made


@pytest.fixture
def user() -> Iterator[Home]:
    with home() as made:
        yield made


def registered(state: Path) -> Any:
    return (found := status(state)["rs"])["registered"] and found


def test_an_rs_that_is_announced_is_found(network: HostNetwork, user: Home) -> None:
    peer = start_in(network, 2, user, "p2p-peer")
    wait_for(lambda: status(peer)["rs"]["last_error"])
    rs = status(peer)["rs"]
    assert (rs["host"], rs["last_error"]) == ("", "no RS is announced on the local network; name one with --rs")
    start_in(network, 1, user, "p2p-rs", "--announce", "--registry", "memory")
    found = wait_for(lambda: registered(peer))
    assert (found["host"], found["port"], found["last_error"]) == (network.address(1), 65423, None)


def test_only_with_the_option_and_of_the_same_kind(network: HostNetwork, user: Home, tmp_path: Path) -> None:
    """One that is not announced, and one with TLS, are not for a peer without it."""
    ca = SwarmCA(tmp_path)
    start_in(network, 1, user, "p2p-rs", "--registry", "memory")
    start_in(network, 3, user, "p2p-rs", "--announce", "--registry", "memory", "--tls", str(ca.issue("rs")))
    peer = start_in(network, 2, user, "p2p-peer")
    wait_for(lambda: status(peer)["rs"]["last_error"])
    assert status(peer)["rs"]["address"] is None


def test_an_rs_that_only_this_machine_reaches_is_not_announced(user: Home) -> None:
    done = user.run("-n", "p2p-rs", "--announce", "--listen", f"tcp:{user.port()}:interface=127.0.0.1")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "p2p-rs: --announce: --listen is at 127.0.0.1, which no other machine can reach",
    )


@pytest.mark.parametrize(("verb", "code"), [("p2p-rs --announce", 1), ("p2p-peer", 2)])
def test_without_zeroconf(user: Home, verb: str, code: int) -> None:
    hidden = "import sys; sys.modules['zeroconf'] = None; from twisted.scripts.twistd import run; run()"
    command = [sys.executable, "-c", hidden, "-n", *verb.split(), "--listen", f"tcp:{user.port()}"]
    done = subprocess.run(command, cwd=user.here, env=user.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert "zeroconf is not installed: " in done.stderr.splitlines()[-1]
