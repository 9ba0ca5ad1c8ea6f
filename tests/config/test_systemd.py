"""What systemd is told, the sockets that it passes, and the unit files."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.application.service import MultiService
from twisted.internet.task import Clock

from p2p_twisted.config.startup import StartError
from p2p_twisted.config.systemd import notify_systemd
from p2p_twisted.peer.settings import SETTINGS as PEER_SETTINGS
from p2p_twisted.rs.settings import SETTINGS as RS_SETTINGS
from tests.support.twistd import TWISTD, Home, home, wait_for

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "conf" / "systemd"
SETTINGS = {"p2p-rs": RS_SETTINGS, "p2p-peer": PEER_SETTINGS}


class Systemd:
    """The socket of a systemd, and what it was told."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self._socket.setblocking(False)
        self.told: list[str] = []

    def environment(self, watchdog: float | None = None, pid: int | None = None) -> dict[str, str]:
        """Return the variables that a service gets; `watchdog` in seconds."""
        found = {"NOTIFY_SOCKET": self.address}
        if watchdog is not None:
            found["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        if pid is not None:
            found["WATCHDOG_PID"] = str(pid)
        return found

    def read(self) -> list[str]:
        """Return all that it was told so far."""
        while True:
            try:
                self.told.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.told

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    found = Systemd(str(tmp_path / "notify") if request.param == "path" else f"@p2p-test-{os.getpid()}")
    yield found
    found.close()


def started(systemd: Systemd, environment: dict[str, str]) -> tuple[Clock, MultiService]:
    clock, service = Clock(), MultiService()
    notify_systemd(clock, service, environment)
    assert not environment
    service.startService()
    return clock, service


def test_it_is_told_of_the_start_the_life_and_the_end(systemd: Systemd) -> None:
    clock, service = started(systemd, systemd.environment(watchdog=10, pid=os.getpid()))
    assert systemd.read() == ["READY=1", "WATCHDOG=1"]
    clock.pump([5, 5])
    assert systemd.read()[2:] == ["WATCHDOG=1"] * 2
    service.stopService()
    assert systemd.read()[4:] == ["STOPPING=1"]


def test_without_a_watchdog_there_are_no_signs_of_life(systemd: Systemd) -> None:
    clock, _ = started(systemd, systemd.environment())
    clock.pump([100] * 3)
    assert systemd.read() == ["READY=1"]


def test_the_watchdog_of_another_process_waits_for_that_one(systemd: Systemd) -> None:
    started(systemd, systemd.environment(watchdog=10, pid=1))
    assert systemd.read() == ["READY=1"]


def test_nothing_is_told_where_nobody_wants_to_know() -> None:
    service = MultiService()
    notify_systemd(Clock(), service, {})
    assert not service.services


def test_a_socket_that_is_gone_ends_nothing(systemd: Systemd) -> None:
    clock, service = started(systemd, systemd.environment(watchdog=10))
    systemd.close()
    clock.pump([5, 5])
    service.stopService()


@pytest.mark.parametrize("wrong", [{"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "-1"}])
def test_wrong_variables_are_one_line(wrong: dict[str, str]) -> None:
    with pytest.raises(StartError, match="not as systemd sets them"):
        notify_systemd(Clock(), MultiService(), wrong)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["rs", "peer"])
def test_a_process_tells_it_when_it_serves(role: str) -> None:
    with home() as user:
        systemd = Systemd(str(user.here / "notify"))
        user.environment |= systemd.environment(watchdog=0.4)
        process = user.start(user.state(role), *(user.rs() if role == "rs" else user.peer()))
        wait_for(lambda: systemd.read().count("WATCHDOG=1") > 2)
        assert systemd.told[0] == "READY=1"
        process.terminate()
        process.wait(30)
        assert systemd.read()[-1] == "STOPPING=1"


def listening(user: Home, host: str, endpoint: str, port: int) -> subprocess.Popen[str]:
    """Start an RS with a socket from systemd."""
    command = [sys.executable, "-m", "tests.support.systemd_activation", host, str(port)]
    arguments = ["-n", "p2p-rs", "--listen", endpoint, "--state-dir", str(user.state("rs"))]
    return subprocess.Popen(
        [*command, *TWISTD, *arguments],
        cwd=ROOT,
        env=user.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


REGISTER = b"Register NULL P2P_DI_1.0\nHost 127.0.0.1\nOS Linux\n\ncookie:\nport:4394\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("127.0.0.1", "systemd:domain=INET:index=0"),
        ("127.0.0.1", "systemd:domain=INET:name=p2p"),
        ("::1", "systemd:domain=INET6:index=0"),
    ],
)
def test_an_rs_serves_at_a_socket_from_systemd(host: str, endpoint: str) -> None:
    with home() as user:
        port = user.port()
        process = listening(user, host, endpoint, port)
        user.processes.append(process)
        with wait_for(lambda: _connected(host, port)) as client:  # the connection waits until the RS accepts it
            client.sendall(REGISTER)
            answer = client.makefile("rb").read()
        assert answer.startswith(b"200 OK P2P-CI/1.0\nHost: %s\n" % host.encode())


def _connected(host: str, port: int) -> socket.socket | None:
    try:
        return socket.create_connection((host, port), 30)
    except ConnectionRefusedError:
        return None


@pytest.mark.slow
def test_a_socket_of_another_domain_is_refused() -> None:
    with home() as user:
        process = listening(user, "::1", "systemd:domain=INET:index=0", user.port())
        text, _ = process.communicate(timeout=30)
        line = "p2p-rs: --listen systemd:domain=INET:index=0: the socket from systemd has the domain INET6\n"
        assert (process.returncode, text) == (2, line)


@pytest.mark.slow
def test_without_its_socket_unit_one_line_says_so() -> None:
    with home() as user:
        done = user.run("-n", "p2p-rs", "--listen", "systemd:domain=INET:index=0")
        line = "p2p-rs: --listen systemd:domain=INET:index=0: systemd passed no such socket; start its socket unit\n"
        assert (done.returncode, done.stderr) == (1, line)


@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.service")))
def test_the_units_give_options_that_there_are(unit: str) -> None:
    text = (UNITS / unit).read_text("utf-8")
    [(verb, arguments)] = re.findall(r"^ExecStart=/opt/p2p/bin/twistd -n (\S+) (.+)$", text, re.MULTILINE)
    known = {f"--{setting.name}" for setting in SETTINGS[verb]} | {"--config"}
    assert set(re.findall(r"--\S+", arguments)) <= known


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze, of the package systemd")
@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.iterdir()))
def test_the_units_are_right(unit: str, tmp_path: Path) -> None:
    for path in UNITS.iterdir():  # a socket refers to its service
        text = path.read_text("utf-8").replace("/opt/p2p/bin/twistd", "/bin/true")
        (tmp_path / path.name).write_text(text, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
