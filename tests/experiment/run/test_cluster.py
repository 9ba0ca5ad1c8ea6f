"""The process machinery of a cluster, with small programs in place of twistd: nothing is left behind, ever."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.experiment.run.processes import PORTS, TWISTD, ClusterError, Loopback

PROGRAM = """
import json, pathlib, signal, socketserver, sys, time
from http.server import BaseHTTPRequestHandler

state = pathlib.Path(sys.argv[sys.argv.index("--state-dir") + 1])
print("started:", *sys.argv[1:], flush=True)
if "--dies" in sys.argv:
    print("cannot listen on tcp:1: permission denied\\n", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, signal.SIG_IGN if "--stubborn" in sys.argv else lambda *_: sys.exit(0))
known = 0

class Handler(BaseHTTPRequestHandler):
    def answer(self, data):
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer({"total": known} if "/index" in self.path else {"rs": {"registered": True}})

    def do_POST(self):
        global known
        self.rfile.read(int(self.headers["Content-Length"]))
        known += 10
        self.answer({})

    def log_message(self, *_):
        pass

(state / "api.sock").unlink(missing_ok=True)
(state / "api.key").write_text("a" * 64)
socketserver.UnixStreamServer(str(state / "api.sock"), Handler).serve_forever()
"""


class Programs(Loopback):
    """Starts PROGRAM in place of twistd, and remembers every process."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        process = super().launch(role, [sys.executable, "-c", PROGRAM, *argv[len(TWISTD) :]], **options)
        self.started.append((role, process))
        return process

    def all_gone(self) -> bool:
        return all(process.poll() is not None for _, process in self.started)


@pytest.fixture
def programs() -> Iterator[Programs]:
    launcher = Programs()
    yield launcher
    for _, process in launcher.started:
        process.kill()
        process.wait()


def test_the_rs_is_first_and_everything_is_gone_afterwards(programs: Programs) -> None:
    with Cluster(3, programs) as cluster:
        cluster.start()
        assert [role for role, _ in programs.started] == ["rs", "peer1", "peer2", "peer3"]
        assert [member.pid for member in cluster.members] == [process.pid for _, process in programs.started]
        folder = cluster.folder
    assert programs.all_gone()
    assert not folder.exists()
    assert {process.returncode for _, process in programs.started} == {0}


def test_every_process_has_its_own_folders_and_port(programs: Programs) -> None:
    with Cluster(2, programs, lambda role: ["--up-rate", "5"] if role == "peer2" else []) as cluster:
        cluster.start()
        rs, peer = cluster["rs"].log.read_text(), cluster["peer2"].log.read_text()
        port = rs.split("--listen tcp:")[1].split(":")[0]
        assert f"started: p2p-rs --state-dir {cluster.folder}/rs/state" in rs
        assert f"--rs-host 127.0.0.1 --rs-port {port} " in peer
        assert f"--share {cluster['peer2'].share_dir}" in peer
        assert peer.endswith("--up-rate 5\n")
        assert int(port) in PORTS
        assert len({path.name for path in cluster.folder.iterdir()}) == 6


def test_an_error_in_the_block_stops_everything(programs: Programs) -> None:
    with pytest.raises(ZeroDivisionError), Cluster(2, programs) as cluster:
        cluster.start()
        raise ZeroDivisionError
    assert programs.all_gone()
    assert not cluster.folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_handlers_are_put_back(programs: Programs, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), Cluster(2, programs) as cluster:
        cluster.start()
        os.kill(os.getpid(), number)
    assert programs.all_gone()
    assert signal.getsignal(number) is before


def test_a_signal_during_the_start_leaves_no_process_behind(programs: Programs) -> None:
    class Interrupted(Programs):
        def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
            process = super().launch(role, argv, **options)
            os.kill(os.getpid(), signal.SIGINT)
            return process

    launcher = Interrupted()
    with pytest.raises(KeyboardInterrupt), Cluster(2, launcher) as cluster:
        cluster.start()
    assert [role for role, _ in launcher.started] == ["rs"]
    assert launcher.all_gone()


def test_a_process_that_does_not_stop_is_killed(programs: Programs) -> None:
    with Cluster(2, programs, lambda role: ["--stubborn"] if role == "peer1" else [], stop_timeout=0.2) as cluster:
        cluster.start()
    assert [process.returncode for _, process in programs.started] == [0, -signal.SIGKILL, 0]


def test_a_process_that_does_not_start_is_named_with_its_last_line(programs: Programs) -> None:
    expected = "peer2 ended with status 3: cannot listen on tcp:1: permission denied"
    with (
        pytest.raises(ClusterError, match=expected),
        Cluster(2, programs, lambda role: ["--dies"] if role == "peer2" else []) as cluster,
    ):
        cluster.start()
    assert programs.all_gone()


def test_a_killed_process_comes_back_as_it_was(programs: Programs) -> None:
    with Cluster(1, programs) as cluster:
        cluster.start()
        cluster.kill9("rs")
        assert cluster.rs.pid is None
        with pytest.raises(ClusterError, match="rs ended with status -9"):
            cluster.rs.status()
        cluster.restart("rs")
        assert cluster.rs.pid == programs.started[-1][1].pid
        first, second = cluster.rs.log.read_text().splitlines()
        assert first == second
    assert programs.all_gone()


def test_peers_are_asked_again_until_they_know_all(programs: Programs) -> None:
    with Cluster(2, programs) as cluster:
        cluster.start()
        cluster.wait_for_documents(30)
        assert cluster["peer2"].control.get("index")["total"] == 30
        with pytest.raises(ClusterError, match="peer1 does not know of 1000000 documents"):
            cluster.wait_for_documents(1_000_000, timeout=0.1)


def test_sockets_have_short_paths_even_where_temporary_folders_have_long_ones(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 20)))
    with Cluster(12, programs) as cluster:
        assert len(os.fsencode(cluster["peer12"].state_dir / "api.sock")) < 104


def test_a_port_in_use_is_skipped() -> None:
    loopback = Loopback()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = {loopback.port(f"peer{number}") for number in range(20)}
    assert len(free) == 20
    assert free <= set(PORTS)
