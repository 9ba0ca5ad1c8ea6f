"""A closed swarm of real twistd processes: an RS and three peers under mutual TLS, and those who are not members."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.cli import exits
from p2p_twisted.experiment.run.processes import Member
from tests.support import raw_sockets
from tests.support.p2p_command import state_folder
from tests.support.raw_sockets import System, wait_for
from tests.support.swarm_ca import SwarmCA

from ..cli.test_own_peer import run
from .test_kill_peer import NAME, Watch, holders, order, wait

DATA = random.Random(15).randbytes(20 * 2**20)
ROLES = ("rs", "peer1", "peer2", "peer3")
SLOW = ("--up-rate", "6M")


@pytest.fixture
def ca(tmp_path: Path) -> SwarmCA:
    return SwarmCA(tmp_path)


@pytest.fixture
def system(ca: SwarmCA) -> Iterator[System]:
    """Two slow holders of the file, and a third peer that knows of it; all under TLS."""
    options = {role: ("--tls", str(ca.issue(role)), *(SLOW if role in ROLES[1:3] else ())) for role in ROLES}
    with raw_sockets.system([{NAME: DATA}, {NAME: DATA}, {}], options) as running:
        wait(lambda: len(holders(running.cluster.peers[2])) == 2)
        yield running


def lines(member: Member, text: str) -> int:
    """Return how many lines of the log of `member` have `text`."""
    return sum(text in line for line in member.log.read_text("utf-8").splitlines())


def hang_up(member: Member) -> None:
    """Send SIGHUP, and return when the certificates have been read again."""
    before = lines(member, "connections ended")
    assert member.pid is not None
    os.kill(member.pid, signal.SIGHUP)
    wait(lambda: lines(member, "connections ended") > before)


def test_a_swarm_survives_the_death_of_a_source_and_a_hangup(system: System) -> None:
    source, _, downloader = system.cluster.peers
    with Watch(downloader.download_dir, DATA) as watch:
        id_ = order(downloader)
        wait(lambda: downloader.control.get(f"downloads/{id_}")["bytes_done"] > len(DATA) / 8)
        hang_up(downloader)
        source.kill()
        found = wait_for(downloader.control, id_)
    assert (found["state"], found["files_failed"]) == ("done", 0), found
    watch.assert_right()
    assert lines(system.cluster.rs, "no TLS with") == 0


def test_a_revoked_peer_is_out(system: System, ca: SwarmCA) -> None:
    revoked, _, downloader = system.cluster.peers
    ca.revoke("peer1", *(ca.folder / role for role in ROLES))
    for member in (system.cluster.rs, *system.cluster.peers[1:]):
        hang_up(member)
    assert lines(downloader, "0 connections ended") == 0
    found = wait_for(downloader.control, order(downloader))
    assert found["state"] == "done", found
    assert {source["port"] for source in found["sources"] if source["bytes"]} == {system.peers[1]}
    revoked.control.post("refresh")
    wait(lambda: "it refused this certificate: revoked" in str(revoked.control.get("status")["rs"]["last_error"]))


def test_members_by_p2p_alone_and_strangers(system: System, ca: SwarmCA, tmp_path: Path) -> None:
    """The three kinds of strangers that users will be: without TLS, of another swarm, and with another host."""
    folders = {
        "member": ca.issue("alice"),
        "other": SwarmCA(tmp_path / "other").issue("alice"),
        "elsewhere": ca.issue("elsewhere", ["192.0.2.9"]),
    }
    results = {}
    for kind, folder in {**folders, "plain": None}.items():
        out = tmp_path / "out" / kind
        out.mkdir(parents=True)
        with state_folder() as state:
            at = ["--rs-host", f"127.0.0.1:{system.rs}", "--state-dir", str(state)]
            tls = ["--tls", str(folder)] if folder else []
            begin = time.monotonic()
            results[kind] = run("get", NAME, "-o", str(out), *at, *tls)
            assert time.monotonic() - begin < 20
        assert (out / NAME).exists() == (kind == "member")
    assert (tmp_path / "out" / "member" / NAME).read_bytes() == DATA
    assert results["member"][0] == exits.OK, results
    assert {results[kind][0] for kind in ("other", "elsewhere", "plain")} == {exits.RS_UNREACHABLE}, results
    assert (
        "its certificate is from another CA; --tls must name a folder that 'p2p pki issue' made" in results["other"][2]
    )
    assert "the certificate of elsewhere is not for the host 127.0.0.1" in results["elsewhere"][2]
