"""``p2p-rs --workers``: real processes, killed and stopped; each has a registry of its own (`tests.support.apart`)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from p2p_twisted.rs import tap
from p2p_twisted.web.control_client import ControlClient, ControlError
from tests.support.rs_process import run
from tests.support.supervised import WORKERS, Apart, Supervised, is_gone
from tests.support.twistd import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def rs() -> Iterator[Supervised]:
    with TemporaryDirectory(prefix="p2p-") as folder, Apart(Path(folder)) as made:
        yield made


def test_workers_share_the_port_and_their_numbers_add_up(rs: Supervised) -> None:
    pids = rs.wait_for_workers()
    assert len({rs.process.pid, *pids}) == WORKERS + 1
    for port in range(1, 41):
        rs.register(port)
    status = rs.status()
    assert (status["counts"]["requests Register 200"], status["problem"]) == (40, None)
    each = [ControlClient(rs.state / "workers" / str(number)).get("status") for number in range(1, WORKERS + 1)]
    assert sum(one["active"] for one in each) == 40 and min(one["active"] for one in each) > 0, "both serve"
    assert rs.control.get("peers", limit=3)["total"] == each[0]["active"]
    with pytest.raises(ControlError, match="sort must be one of address"):
        rs.control.get("peers", sort="colour")


def test_a_worker_that_is_killed_is_replaced_while_the_others_serve(rs: Supervised) -> None:
    first, second = rs.wait_for_workers()
    for port in range(1, 21):
        rs.register(port)
    rs.status()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: rs.status()["workers"] < WORKERS)
    for port in range(21, 41):
        rs.register(port)
    rs.wait_for_workers()
    assert rs.pid(1) != first and rs.pid(2) == second
    assert rs.status()["counts"]["requests Register 200"] == 40, "no count falls"
    log = rs.stop()
    assert "worker 1 has ended" in log and "signal 9" in log
    assert "Traceback" not in log


def test_sigterm_stops_all(rs: Supervised) -> None:
    pids = rs.wait_for_workers()
    log = rs.stop()
    assert all(map(is_gone, pids))
    assert "worker 1: Received SIGTERM, shutting down." in log
    assert "has ended" not in log and "Traceback" not in log


def test_no_worker_outlives_its_supervisor(rs: Supervised) -> None:
    pids = rs.wait_for_workers()
    rs.kill()
    wait_for(lambda: all(map(is_gone, pids)))


def test_a_worker_logs_through_its_supervisor(rs: Supervised) -> None:
    rs.wait_for_workers()
    rs.register(7)
    wait_for(lambda: ":7 has registered" in rs.log.read_text())
    (line,) = [line for line in rs.log.read_text().splitlines() if "has registered" in line]
    assert "RequestLog#info] worker " in line


@pytest.mark.parametrize("registry", ["sqlite", "memory"])
def test_workers_need_a_registry_that_can_be_shared(tmp_path: Path, registry: str) -> None:
    done = run("--workers", "2", "--registry", registry, "--state-dir", str(tmp_path / "state"))
    assert done.returncode == 2
    assert done.stderr == (
        f"p2p-rs: --workers 2 needs a registry that several processes can share, not {registry}: "
        "--registry redis://HOST:PORT/DB\n"
    )
    assert not (tmp_path / "state" / "lock").exists()


def test_a_path_too_long_for_the_sockets_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / ("x" * (95 - len(str(tmp_path)) - 1))
    options = tap.Options()
    options.parseOptions(["--workers", "2", "--listen", "tcp:0:interface=127.0.0.1", "--state-dir", str(folder)])
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(tap, "check_workers", lambda options: None)
        patch.setattr(tap, "stop_at_signals", lambda reactor: None)
        tap.makeService(options)
    assert ended.value.code == 1
    assert "a socket's path has at most 107 bytes" in capsys.readouterr().err
