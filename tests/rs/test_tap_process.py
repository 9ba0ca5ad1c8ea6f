"""``twistd p2p-rs`` as a process: its line when it cannot run, and its answers when it can."""

from __future__ import annotations

import contextlib
import os
import platform
import random
import signal
import socket
import sqlite3
import struct
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from p2p_twisted.experiment.run.processes import TWISTD
from p2p_twisted.web.control_client import ControlClient
from tests.support.rs_process import ENVIRONMENT, TIMEOUT, RSProcess, free_port, run
from tests.support.rs_server import keep_alive, request

HEAD = f"200 OK P2P-CI/1.0\nHost: 127.0.0.1\nOS: {platform.system()}\n\n".encode()


def register(rs: RSProcess, port: int = 4394, host: str = "127.0.0.1") -> int:
    answer = rs.ask(request("Register", "cookie:", f"port:{port}", host=host))
    assert answer.startswith(HEAD + b"cookie:"), answer
    return int(answer.rpartition(b":")[2])


def refused(code: int, *args: str) -> str:
    """Return the one line on stderr of a process that exits with `code`."""
    done = run(*args)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("p2p-rs: ")


def test_help_names_every_option_with_its_default() -> None:
    done = run("--help")
    said = " ".join(done.stdout.split())
    assert done.returncode == 0
    for option, default in {
        "listen": "tcp:65423",
        "registry": "sqlite",
        "ttl": "7200",
        "allow": None,
        "deny": None,
        "trusted-network": "127.0.0.0/8, ::1/128",
        "max-peers-per-host": "1000",
        "state-dir": "",
        "web": None,
        "config": None,
    }.items():
        assert f"--{option}=" in said
        assert default is None or f"[default: {default}" in said


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--ttl", "0"], "--ttl must be a whole number from 1 to 2592000, not '0'"),
        (
            ["--registry", "redis"],
            "--registry must be sqlite, memory, or a URL such as redis://HOST:PORT/DB, not 'redis'",
        ),
        (["--trusted-network", "10.0.0.0/99"], "--trusted-network must be a network"),
        (["--deny", "10.0.0.1/8"], "--deny must be a network"),
        (["--max-peers-per-host", "many"], "--max-peers-per-host must be a whole number"),
        (["--lisen", "tcp:1"], "option --lisen not recognized; did you mean '--listen'?"),
        (["--config", "no.conf"], "no.conf: No such file or directory"),
    ],
)
def test_a_bad_option_is_exit_2_and_one_line(args: list[str], line: str) -> None:
    assert refused(2, *args).startswith(line)


@pytest.mark.parametrize("web", [[], ["--web", "unix:/tmp/p2p-lab.sock"], ["--web", "ssl:8080"]])
def test_a_lab_needs_a_port_for_its_page(tmp_path: Path, web: list[str]) -> None:
    line = refused(2, "--state-dir", str(tmp_path / "state"), "--lab", *web)
    assert line.startswith("--lab needs the control API on TCP for its page: --web tcp:8080:interface=127.0.0.1")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("flag", ["--listen", "--web"])
def test_a_bad_endpoint_is_a_bad_option(tmp_path: Path, flag: str) -> None:
    args = ["--state-dir", str(tmp_path), "--listen", f"tcp:{free_port()}:interface=127.0.0.1"]
    assert refused(2, *args, flag, "tpc:1").startswith(
        f"{flag} must be a Twisted endpoint such as tcp:65423, not 'tpc:1'"
    )


def test_a_broken_config_file_is_named(tmp_path: Path) -> None:
    conf = tmp_path / "rs.conf"
    conf.write_text("[rs]\nlissen = tcp:1\n")
    assert refused(2, "--config", str(conf)) == f"{conf}: unknown key 'lissen' in [rs]; did you mean 'listen'?\n"


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        line = refused(1, "--listen", listen, "--state-dir", str(tmp_path))
    assert line == f"--listen {listen}: Address already in use; choose another port, or stop the process that uses it\n"


def test_a_state_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refused(1, "--state-dir", str(tmp_path / "file"))
    assert line.startswith(f"state folder {tmp_path / 'file'}: ") and "--state-dir" in line


def test_a_file_that_is_not_a_registry_is_named(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").write_bytes(b"rubbish" * 1000)
    line = refused(1, "--state-dir", str(tmp_path), "--listen", f"tcp:{free_port()}")
    assert line.startswith(f"{tmp_path / 'registry.sqlite'}: file is not a database; move it away")


def test_two_do_not_share_a_state_folder(tmp_path: Path) -> None:
    with RSProcess(tmp_path) as rs:
        line = refused(1, "--state-dir", str(tmp_path / "state"), "--listen", f"tcp:{free_port()}")
    assert line.startswith(f"state folder {tmp_path / 'state'}: p2p-rs (PID {rs.process.pid}) runs on it already; ")


def test_the_exact_bytes_of_1_0_from_a_client_that_keeps_its_side_open(tmp_path: Path) -> None:
    with RSProcess(tmp_path) as rs:
        cookie = register(rs)
        who = f"cookie:{cookie}", "port:4394"
        assert rs.ask(request("Register", *who, host="127.0.0.1")) == HEAD + b"cookie:%d\n" % cookie
        assert rs.ask(keep_alive(cookie)) == HEAD + b"you have been renewed! TTL is 7200 seconds\n"
        assert rs.ask(request("PQuery", f"cookie:{cookie}", "cookie:4394")) == HEAD + b"127.0.0.1 4394\n"
        assert rs.ask(request("Leave", *who)) == HEAD + b"you have been unregistered from the RS server!\n"
        forbidden = HEAD.replace(b"200 OK", b"403 FORBIDDEN")
        assert rs.ask(request("Leave", *who)).startswith(forbidden)
        assert rs.ask(b"rubbish\n\n").startswith(HEAD.replace(b"200 OK", b"300 BAD_REQUEST"))
        assert "Traceback" not in rs.stop()


def test_a_flag_precedes_the_file_which_precedes_the_default(tmp_path: Path) -> None:
    conf = tmp_path / "rs.conf"
    conf.write_text("[rs]\nttl = 50\nregistry = memory\n")
    with RSProcess(tmp_path, "--config", str(conf), "--ttl", "60") as rs:
        assert b"TTL is 60 seconds" in rs.ask(keep_alive(register(rs)))
        assert not (tmp_path / "state" / "registry.sqlite").exists()


def test_a_restarted_rs_knows_its_peers_and_what_is_left_of_each_ttl(tmp_path: Path) -> None:
    with RSProcess(tmp_path) as rs:
        cookie = register(rs)
        assert "Traceback" not in rs.stop()
        with closing(sqlite3.connect(tmp_path / "state" / "registry.sqlite")) as file, file:
            file.execute("UPDATE peers SET expires = expires - 1000")  # as if it had been down so long
    with RSProcess(tmp_path, port=rs.port) as rs:
        control = ControlClient(tmp_path / "state")
        (peer,) = control.get("peers")["items"]
        control.close()
        assert peer["isActive"] and 6100 < peer["TTL"] <= 6200
        assert "cookie" not in peer
        assert rs.ask(keep_alive(cookie)).startswith(HEAD)


def test_it_serves_its_control_api_in_the_state_folder(tmp_path: Path) -> None:
    with RSProcess(tmp_path, "--registry", "memory") as rs:
        register(rs)
        control = ControlClient(tmp_path / "state")
        status = control.get("status")
        control.close()
    assert (status["role"], status["active"], status["records"]) == ("rs", 1, 1)


def test_as_a_daemon_it_keeps_its_registry(tmp_path: Path) -> None:
    port, pidfile = free_port(), tmp_path / "pid"
    command = [*TWISTD[:3], "--pidfile", str(pidfile), "--logfile", str(tmp_path / "log"), "p2p-rs"]
    where = ["--listen", f"tcp:{port}:interface=127.0.0.1", "--state-dir", str(tmp_path / "state")]
    subprocess.run([*command, *where], env=ENVIRONMENT, timeout=TIMEOUT, check=True)
    daemon = int(pidfile.read_text())
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as sock:
            sock.sendall(request("Register", "cookie:", "port:4394"))
            assert sock.makefile("rb").read().startswith(HEAD + b"cookie:")
    finally:
        os.kill(daemon, signal.SIGTERM)
    deadline = time.monotonic() + TIMEOUT
    while pidfile.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "Traceback" not in (tmp_path / "log").read_text()
    with closing(sqlite3.connect(tmp_path / "state" / "registry.sqlite")) as file:
        assert file.execute("SELECT count(*) FROM peers").fetchone() == (1,)


def test_a_client_that_closes_its_sending_side_early_is_answered(tmp_path: Path) -> None:
    with RSProcess(tmp_path) as rs:
        cookie = register(rs)
        for minor in (0, 1):
            with rs.connect() as sock:
                sock.sendall(keep_alive(cookie, minor=minor))
                sock.shutdown(socket.SHUT_WR)
                assert b"you have been renewed!" in sock.makefile("rb").read()


def test_no_client_causes_a_traceback_in_the_log(tmp_path: Path) -> None:
    chance = random.Random(1)
    with RSProcess(tmp_path) as rs:
        cookie = register(rs)
        whole = [
            keep_alive(cookie, minor=1),
            request("PQuery", f"cookie:{cookie}", "port:4394", minor=1, headers=("Limit: 1", "After: a 1")),
            request("Register", "cookie:", "port:1", host="[::1]"),
            b"GET INDEX P2P_DI_1.0\nHost a\nOS b\n\nNULL\nNULL\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\x16\x03\x01" + bytes(100),
            b"x" * 20_000,
        ]
        for _ in range(150):
            stream = bytearray(b"".join(chance.choices(whole, k=chance.randrange(1, 4))))
            for _ in range(chance.randrange(3)):
                stream[chance.randrange(len(stream))] = chance.randrange(256)
            with rs.connect() as sock:
                sock.sendall(stream[: chance.randrange(len(stream) + 1)])
                how = chance.randrange(3)
                if how == 0:  # a reset, at once
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif how == 1:
                    sock.shutdown(socket.SHUT_WR)
                    sock.settimeout(TIMEOUT)
                    with contextlib.suppress(ConnectionResetError):
                        while sock.recv(65536):
                            pass
        assert rs.ask(keep_alive(cookie)).startswith(HEAD)
        assert "Traceback" not in rs.stop()


def test_the_limit_of_requests_is_an_option(tmp_path: Path) -> None:
    with RSProcess(tmp_path, "--trusted-network", "10.0.0.0/8", "--max-requests-per-second", "1") as rs:
        said = rs.ask(request("PQuery", "cookie:7", "port:7", minor=1) * 20)  # the server closes after a 300
        assert said.count(b"403 FORBIDDEN P2P-CI/1.1\n") in range(5, 15)
        head = said[said.index(b"300 BAD_REQUEST P2P-CI/1.1\n") :]
        assert b"\nRetry-After: 1\n" in head and b"more than 1 requests a second" in head
        assert ControlClient(rs.state).get("status")["counts"]["limits requests"] == 1
