"""What a twistd verb does to twistd: the umask is the user's, in a daemon too, and SIGHUP stops it as SIGTERM does."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import stat
import termios
from contextlib import closing

import pytest

from p2p_twisted.web.control_client import ControlClient
from tests.support.swarm_ca import SwarmCA
from tests.support.twistd import WAIT_TIMEOUT, ended, home, status, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def user():
    with home() as user:
        yield user


def control(state):
    return ControlClient(state, timeout=WAIT_TIMEOUT)


def registered(state):
    found = status(state)
    return found and found["rs"]["registered"]


def test_a_peer_that_is_hung_up_leaves_the_rs(user) -> None:
    user.start(user.state("rs"), *user.rs())
    peer = user.start(user.state("peer"), *user.peer())
    wait_for(lambda: registered(user.state("peer")))
    assert status(user.state("rs"))["active"] == 1
    assert ended(peer, signal.SIGHUP) == 0
    assert status(user.state("rs"))["active"] == 0


def test_an_rs_that_is_hung_up_has_its_registry_written_down(user) -> None:
    state = user.state("rs")
    rs = user.start(state, *user.rs())
    user.start(user.state("peer"), *user.peer())
    wait_for(lambda: registered(user.state("peer")))
    rs.send_signal(signal.SIGHUP)
    assert ended(rs, signal.SIGHUP) == 0  # again, while it stops
    assert [path.name for path in state.glob("registry*")] == ["registry.sqlite"]  # no write-ahead log is left
    assert not list(state.glob("*.pid"))
    assert not [log for log in user.home.rglob("*.log") if "Traceback" in log.read_text()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_while_it_stops_one_more_signal_changes_nothing(user, number) -> None:
    rs = user.start(user.state("rs"), *user.rs())
    peer = user.start(user.state("peer"), *user.peer())
    wait_for(lambda: registered(user.state("peer")))
    rs.send_signal(signal.SIGSTOP)  # the peer waits for the answer to its Leave
    peer.send_signal(number)
    wait_for(lambda: not status(user.state("peer")))
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        peer.send_signal(again)
    rs.send_signal(signal.SIGCONT)
    assert peer.wait(WAIT_TIMEOUT) == (0 if number == signal.SIGHUP else -number)
    assert status(user.state("rs"))["active"] == 0
    assert not [log for log in user.home.rglob("*.log") if "Traceback" in log.read_text()]


def test_a_process_that_ignores_a_hangup_goes_on(user) -> None:
    state = user.state("rs")
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731 - as nohup does
    rs = user.start(state, *user.rs(), preexec_fn=ignore)
    rs.send_signal(signal.SIGHUP)
    assert status(state) and rs.poll() is None
    assert ended(rs) == -signal.SIGTERM


@pytest.fixture
def tls(user):
    """The folder of the certificate of a member."""
    return SwarmCA(user.home / "pki").issue("rs")


def log_of(user):
    return lambda: "".join(log.read_text() for log in user.home.rglob("*.log"))


def test_under_tls_a_hangup_reads_the_certificates_again(user, tls) -> None:
    rs = user.start(user.state("rs"), *user.rs(), "--tls", str(tls), start_new_session=True)
    rs.send_signal(signal.SIGHUP)
    wait_for(lambda: f"read {tls} again; 0 connections ended" in log_of(user)())
    (tls / "cert.pem").write_text("rubbish")
    rs.send_signal(signal.SIGHUP)
    line = f"certificates not read again, the old ones stay: {tls / 'cert.pem'} is not a certificate in PEM form"
    wait_for(lambda: line in log_of(user)())
    assert "Traceback" not in log_of(user)()
    assert ended(rs) == -signal.SIGTERM


@pytest.mark.parametrize("ignored", [False, True], ids=["terminal", "nohup"])
def test_under_tls_it_stops_when_its_terminal_is_gone_unless_hangups_are_ignored(user, tls, ignored) -> None:
    master, slave = os.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        if ignored:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    state = user.state("rs")
    rs = user.start(state, *user.rs(), "--tls", str(tls), preexec_fn=take_terminal, stdin=slave, pass_fds=[slave])
    os.close(slave)
    rs.send_signal(signal.SIGHUP)
    wait_for(lambda: log_of(user)().count("connections ended") == 1)
    os.close(master)
    if ignored:
        wait_for(lambda: log_of(user)().count("connections ended") == 2)
        assert status(state)
        assert ended(rs) == -signal.SIGTERM
    else:
        assert rs.wait(WAIT_TIMEOUT) == 0
        assert "Received SIGHUP, shutting down." in log_of(user)()


def test_under_tls_a_daemon_reads_the_certificates_again(user, tls) -> None:
    state, log = user.state("rs"), user.home / "rs.log"
    assert user.run("--logfile", str(log), *user.rs(), "--tls", str(tls)).returncode == 0
    wait_for(lambda: status(state))
    daemon = int((state / "twistd.pid").read_text())
    os.kill(daemon, signal.SIGHUP)
    wait_for(lambda: f"read {tls} again" in log.read_text())
    os.kill(daemon, signal.SIGTERM)
    wait_for(lambda: not (state / "twistd.pid").exists())


@pytest.mark.parametrize("verb", ["rs", "peer"])
def test_a_folder_for_tls_that_cannot_be_used_is_one_line(user, verb) -> None:
    arguments = user.rs() if verb == "rs" else user.peer()
    done = user.run("-n", *arguments, "--tls", str(user.home / "none"))
    line = f"--tls: {user.home}/none/ca.pem: No such file or directory; make the folder with 'p2p pki issue'"
    assert (done.returncode, done.stderr) == (1, f"p2p-{verb}: {line}\n")


@pytest.mark.parametrize(
    ("flags", "modes"),
    [(["-n"], (0o640, 0o750)), ([], (0o640, 0o750)), (["--umask", "077"], (0o600, 0o700))],
    ids=["foreground", "daemon", "--umask"],
)
def test_downloads_have_the_modes_that_the_umask_says(user, flags, modes) -> None:
    share, state = user.home / "share", user.state("peer")
    (share / "sub").mkdir(parents=True)
    (share / "sub" / "a.txt").write_text("A document.\n")
    user.start(user.state("rs"), *user.rs())
    other = user.home / "other"
    user.start(other, *user.peer("--state-dir", str(other), "--share", str(share)))
    wait_for(lambda: registered(other))
    start = (lambda *a, **o: user.start(state, *a, **o)) if "-n" in flags else user.run
    arguments = [*flags, "--logfile", str(user.home / "peer.log"), *user.peer()]
    start(*[argument for argument in arguments if argument != "-n"], umask=0o027)
    wait_for(lambda: registered(state))
    try:
        client = control(state)
        client.post("refresh")
        order = client.post("downloads", {"names": ["sub/a.txt"]})["id"]
        wait_for(lambda: client.get(f"downloads/{order}")["ended"])
        found = state / "downloads" / "sub"
        assert tuple(stat.S_IMODE(path.stat().st_mode) for path in (found / "a.txt", found)) == modes
        client.close()
    finally:
        os.kill(int((state / "twistd.pid").read_text()), signal.SIGTERM)
    wait_for(lambda: not (state / "twistd.pid").exists())


def test_a_daemon_keeps_its_hold_on_the_file_of_hashes(user) -> None:
    share, state = user.home / "share", user.state("peer")
    share.mkdir()
    (share / "a.txt").write_text("A document.\n")
    assert user.run("--logfile", str(user.home / "log"), *user.peer("--share", str(share))).returncode == 0
    wait_for(lambda: (found := status(state)) and found["files"] == 1)
    try:
        with closing(sqlite3.connect(state / "hashes.sqlite")) as other:
            assert other.execute("SELECT count(*) FROM hashes").fetchone() == (1,)
        assert (state / "hashes.sqlite-wal").exists()  # the last who has it open removes it
    finally:
        os.kill(int((state / "twistd.pid").read_text()), signal.SIGTERM)
    wait_for(lambda: not (state / "twistd.pid").exists())
