"""A state folder belongs to one process, whose pid file is in it; dead ones are in nobody's way."""

from __future__ import annotations

import errno
import os
import signal
import stat
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.config import state_folder
from p2p_twisted.config.folders import holds_state
from p2p_twisted.config.startup import StartError
from p2p_twisted.config.state_folder import LOCK_FILE, StateFolderLock, check_not_held, make_state_folder
from tests.support.twistd import ended, home, status, wait_for

pytestmark = pytest.mark.slow


class StateFolder(SynchronousTestCase):
    def test_it_is_made_for_this_user_alone(self) -> None:
        path = Path(self.mktemp()) / "a" / "b"
        make_state_folder(path)
        make_state_folder(path)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o700)

    def test_an_unusable_state_folder_is_named(self) -> None:
        path = Path(self.mktemp())
        path.write_text("a file")
        for bad in (path, path / "below"):
            error = self.assertRaises(StartError, make_state_folder, bad)
            self.assertRegex(str(error), f"^state folder {bad}: .*; name a folder .* with --state-dir$")

    def test_a_folder_of_another_user_is_named(self) -> None:
        path = Path(self.mktemp())
        path.mkdir()
        self.patch(os, "access", lambda *_: False)
        self.assertIn("Permission denied", str(self.assertRaises(StartError, make_state_folder, path)))

    def test_a_full_disk_is_named(self) -> None:
        path = Path(self.mktemp())
        make_state_folder(path)
        self.assertEqual(list(path.iterdir()), [])

        def full(*_, **__) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.patch(state_folder, "NamedTemporaryFile", full)
        error = self.assertRaises(StartError, make_state_folder, path)
        self.assertEqual(str(error), f"state folder {path}: No space left on device; make room on the disk")


class Lock(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        check_not_held(self.path)  # that it is not there is no obstacle
        self.path.mkdir()

    def test_it_is_marked_as_not_to_be_shared(self) -> None:
        self.assertFalse(holds_state(self.path))
        StateFolderLock(self.path, "p2p-rs")
        self.assertTrue(holds_state(self.path))

    def test_the_holder_of_the_lock_is_named_with_a_remedy(self) -> None:
        StateFolderLock(self.path, "p2p-rs")
        for attempt in (check_not_held, lambda path: StateFolderLock(path, "p2p-peer")):
            self.assertEqual(
                str(self.assertRaises(StartError, attempt, self.path)),
                f"state folder {self.path}: p2p-rs (PID {os.getpid()}) runs on it already; stop that one "
                f"('kill {os.getpid()}'), or name another folder with --state-dir",
            )

    def test_a_lock_file_that_says_nothing_sensible_still_locks(self) -> None:
        StateFolderLock(self.path, "p2p-rs")
        (self.path / LOCK_FILE).write_bytes(b"\xff; rm -r /\n")
        error = self.assertRaises(StartError, check_not_held, self.path)
        self.assertIn(f"state folder {self.path}: another process runs on it already; stop that one, or", str(error))

    def test_a_leftover_lock_file_does_not_lock(self) -> None:
        (self.path / LOCK_FILE).write_text("1 p2p-rs")
        check_not_held(self.path)
        StateFolderLock(self.path, "p2p-peer")
        self.assertEqual((self.path / LOCK_FILE).read_text().strip(), f"{os.getpid()} p2p-peer")

    def test_a_link_is_not_followed(self) -> None:
        elsewhere = Path(self.mktemp())
        elsewhere.write_text("keep me")
        (self.path / LOCK_FILE).symlink_to(elsewhere.absolute())
        error = self.assertRaises(StartError, StateFolderLock, self.path, "p2p-rs")
        self.assertIn(f"{self.path / LOCK_FILE}: ", str(error))
        self.assertEqual(elsewhere.read_text(), "keep me")


@pytest.fixture
def user():
    with home() as user:
        yield user


def test_an_rs_and_peers_run_side_by_side_and_leave_nothing_in_the_folder_they_are_started_in(user) -> None:
    rs, peer, second = user.state("rs"), user.state("peer"), user.home / "second"
    processes = {
        rs: user.start(rs, *user.rs()),
        peer: user.start(peer, *user.peer()),
        second: user.start(second, *user.peer("--state-dir", str(second))),
    }
    for state, process in processes.items():
        assert (state / "twistd.pid").read_text() == str(process.pid)
        ended(process)
        assert not (state / "twistd.pid").exists()
    assert list(user.here.iterdir()) == []


@pytest.mark.parametrize("pidfile", [[], ["--pidfile", "x.pid"], ["--pidfile="]])
def test_a_second_process_on_a_state_folder_names_the_first(user, pidfile) -> None:
    process = user.start(user.state("rs"), *user.rs())
    for mode in (["-n"], []):
        done = user.run(*mode, *pidfile, "p2p-rs")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"p2p-rs: state folder {user.state('rs')}: p2p-rs (PID {process.pid}) runs on it already; "
            f"stop that one ('kill {process.pid}'), or name another folder with --state-dir\n"
        )
    assert status(user.state("rs")) and process.poll() is None
    assert ended(process) == -signal.SIGTERM


def test_a_peer_does_not_run_on_the_folder_of_an_rs(user) -> None:
    process = user.start(user.state("rs"), *user.rs())
    done = user.run("-n", *user.peer("--state-dir", str(user.state("rs"))))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"p2p-rs (PID {process.pid}) runs on it already" in done.stderr


def test_files_of_a_dead_process_do_not_lock_even_when_its_number_is_in_use(user) -> None:
    state = user.state("peer")
    user.start(state, *user.peer()).kill()
    wait_for(lambda: user.processes[0].poll() is not None)
    assert (state / "twistd.pid").exists()
    (state / "twistd.pid").write_text(str(os.getpid()))
    (state / "api.sock.lock").symlink_to(str(os.getpid()))  # as versions before left it
    process = user.start(state, *user.peer())
    assert (state / "twistd.pid").read_text() == str(process.pid)


def test_a_pid_file_that_was_asked_for_is_where_it_was_asked_for(user) -> None:
    state = user.state("rs")
    process = user.start(state, "--pidfile", "own.pid", *user.rs())
    assert (user.here / "own.pid").read_text() == str(process.pid)
    assert not (state / "twistd.pid").exists()
    ended(process)
    assert ended(user.start(state, "--pidfile=", *user.rs())) == -signal.SIGTERM
    assert list(user.here.iterdir()) == []


def test_a_daemon_holds_its_folder_and_is_named_by_its_own_number(user) -> None:
    state = user.state("rs")
    assert user.run("--logfile", str(user.home / "log"), *user.rs()).returncode == 0
    wait_for(lambda: status(state))
    daemon = int((state / "twistd.pid").read_text())
    try:
        assert f"(PID {daemon})" in user.run("-n", *user.rs()).stderr
    finally:
        os.kill(daemon, signal.SIGTERM)
    wait_for(lambda: not (state / "twistd.pid").exists())
    assert "Traceback" not in (user.home / "log").read_text()
