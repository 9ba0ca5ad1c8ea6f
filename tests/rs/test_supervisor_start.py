"""``p2p-rs --workers`` as it is started in earnest: as a daemon, on a socket of systemd, with TLS."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.rs_process import ENVIRONMENT, TIMEOUT, free_port
from tests.support.rs_server import request
from tests.support.supervised import WORKERS, is_gone
from tests.support.swarm_ca import SwarmCA
from tests.support.twistd import status, wait_for

pytestmark = pytest.mark.slow

APART = (sys.executable, "-m", "tests.support.apart")
RS = ("p2p-rs", "--workers", str(WORKERS), "--registry", "memory")


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="p2p-") as name:
        yield Path(name)


@contextmanager
def running(folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run an RS with the state folder `folder`/state until all workers serve; kill it in the end."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)
    try:
        wait_for_workers(folder)
        yield process
    except AssertionError:
        print((folder / "log").read_text())
        raise
    finally:
        process.kill()
        process.wait()


def wait_for_workers(folder: Path) -> None:
    wait_for(lambda: (status(folder / "state") or {}).get("workers") == WORKERS)


def register(port: int, number: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as sock:
        sock.sendall(request("Register", "cookie:", f"port:{number}"))
        return sock.recv(4096).startswith(b"200 OK")


def test_a_daemon_has_workers_and_stops_them(folder: Path) -> None:
    port, state = free_port(), folder / "state"
    listen = f"tcp:{port}:interface=127.0.0.1"
    command = [*APART, "--logfile", str(folder / "log"), *RS, "--listen", listen, "--state-dir", str(state)]
    subprocess.run(command, check=True, env=ENVIRONMENT, timeout=TIMEOUT)
    pid = int((state / "twistd.pid").read_text())
    try:
        wait_for_workers(folder)
        workers = [int((state / f"workers/{number}/lock").read_bytes().split()[0]) for number in (1, 2)]
        assert register(port, 7)
        wait_for(lambda: ":7 has registered" in (folder / "log").read_text())
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: all(map(is_gone, [pid, *workers])))


def test_workers_share_a_socket_of_systemd(folder: Path) -> None:
    port = free_port()
    options = "--listen", "systemd:domain=INET:index=0", "--state-dir", str(folder / "state")
    systemd = (sys.executable, "-m", "tests.support.systemd_activation", "127.0.0.1", str(port))
    with running(folder, *systemd, *APART, "-n", "--pidfile=", *RS, *options):
        assert all(register(port, number) for number in range(1, 21))
        assert status(folder / "state")["counts"]["requests Register 200"] == 20


def test_sighup_has_all_workers_read_their_certificates(folder: Path) -> None:
    member = SwarmCA(folder).issue("rs")
    listen = f"tcp:{free_port()}:interface=127.0.0.1"
    options = "--listen", listen, "--state-dir", str(folder / "state"), "--tls", str(member)
    with running(folder, *APART, "-n", "--pidfile=", *RS, *options) as process:
        process.send_signal(signal.SIGHUP)
        lines = [f"worker {number}: read {member} again" for number in range(1, WORKERS + 1)]
        wait_for(lambda: all(line in (folder / "log").read_text() for line in lines))
        assert process.poll() is None
