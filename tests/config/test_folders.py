"""Paths as people write them, wherever they write them; and what is secret, whatever the umask and the folder."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from p2p_twisted.config.folders import expand, folder, make_database_private, make_private, tighten
from p2p_twisted.web.control_client import ControlClient
from tests.support.twistd import ROOT, ended, home, status, wait_for

pytestmark = pytest.mark.slow

P2P = (sys.executable, "-c", "from p2p_twisted.cli.main import main; main()")


@pytest.fixture
def user():
    with home() as user:
        yield user


def p2p(user, *arguments, **environment):
    environment = {**user.environment, **environment}
    return subprocess.run(
        [*P2P, *arguments], cwd=user.here, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert (expand("~/x"), expand("a/~"), expand("./~")) == (Path("/home/me/x"), Path("a/~"), Path("./~"))
    assert (folder("~/x"), folder("x")) == (Path("/home/me/x"), Path.cwd() / "x")


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_invalid_paths_are_refused(text) -> None:
    with pytest.raises(ValueError, match="must be the path of a folder"):
        folder(text)


def test_a_home_folder_that_is_not_known_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="must be written without '~nosuchuser', as there is no such user"):
        folder("~nosuchuser/x")
    monkeypatch.setattr("os.path.expanduser", lambda text: text)
    with pytest.raises(ValueError, match=re.escape("without '~', as no home folder is known (HOME is not set)")):
        folder("~/x")


def test_a_current_folder_that_was_removed_is_named(tmp_path: Path) -> None:
    program = "import os, sys\nos.rmdir(os.getcwd())\nfrom p2p_twisted.config.folders import folder\nfolder('x')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr.endswith("ValueError: must be an absolute path, as the current folder was removed\n")


def test_a_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    wide = tmp_path / "wide"
    wide.write_text("kept")
    wide.chmod(0o644)
    tighten(tmp_path / "nothing", wide)
    make_private(tmp_path / "new")
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in sorted(tmp_path.iterdir())] == [
        ("new", 0o600),
        ("wide", 0o600),
    ]
    assert wide.read_text() == "kept"
    make_database_private(tmp_path / "no" / "such")  # that it cannot be had is for SQLite to say


def test_every_way_to_name_a_folder_knows_the_home(user) -> None:
    state, share = user.home / "s", user.home / "docs"
    share.mkdir()
    (user.home / "peer.conf").write_text("[peer]\nstate-dir = ~/s\nshare = ~/docs\n")
    user.start(user.state("rs"), *user.rs())
    user.start(state, *user.peer("--config=~/peer.conf", "--download-dir=~/got"))
    assert (status(state)["shared"], status(state)["download_dir"]) == (
        [str(share), str(user.home / "got")],
        str(user.home / "got"),
    )
    for arguments, environment in ((["--state-dir=~/s"], {}), ([], {"P2P_STATE_DIR": "~/s"})):
        done = p2p(user, "status", "--json", *arguments, **environment)
        assert (done.returncode, json.loads(done.stdout)["port"]) == (0, status(state)["port"]), done.stderr
    assert p2p(user, "--state-dir=~/s", "share", "~/docs").returncode == 0
    assert f"share\t{share}\t" in p2p(user, "config", "show", "--config=~/peer.conf").stdout
    done = p2p(user, "--state-dir=~/s", "get", "nothing", "-o", "~/out")
    client = ControlClient(state)
    assert [one["directory"] for one in client.get("downloads")["items"]] == [str(user.home / "out")], done.stderr
    client.close()
    assert p2p(user, "corpus", "make", "~/made", "--count", "1").returncode == 0
    assert (user.home / "made").is_dir()
    assert list(user.here.iterdir()) == []


NOBODY = """
import pwd, os
del os.environ["HOME"]
pwd.getpwuid = lambda uid: (_ for _ in ()).throw(KeyError(uid))
"""
"""A user without HOME and without an entry in the password file."""
AS = {
    "twistd": "from twisted.scripts.twistd import run; run()",
    "p2p": "from p2p_twisted.cli.main import main; main()",
}


def as_nobody(user, command, *arguments):
    program = NOBODY + AS[command]
    environment = {name: value for name, value in user.environment.items() if not name.startswith("XDG")}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=user.here,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("twistd", ["-n", "p2p-rs"]),
        ("twistd", ["-n", "p2p-peer", "--rs-host", "127.0.0.1"]),
        ("p2p", ["status"]),
        ("p2p", ["rs", "peers"]),
    ],
)
def test_without_a_home_folder_the_remedy_is_named(user, command, arguments) -> None:
    done = as_nobody(user, command, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    expected = "--state-dir must be written without '~', as no home folder is known (HOME is not set)"
    assert expected in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


@pytest.mark.parametrize(("command", "arguments"), [("twistd", ["-n", "p2p-rs"]), ("p2p", ["status"])])
def test_the_home_of_a_user_that_is_not_there_is_named(user, command, arguments) -> None:
    done = as_nobody(user, command, *arguments, "--state-dir", "~nosuchuser/x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "must be written without '~nosuchuser', as there is no such user" in done.stderr.splitlines()[-1]


def test_with_a_state_folder_no_home_folder_is_needed(user) -> None:
    state, port = user.home / "s", user.rs_port
    listen = ["--listen", f"tcp:{port}:interface=127.0.0.1", "--state-dir", str(state)]
    assert as_nobody(user, "twistd", "--logfile", str(user.home / "log"), "p2p-rs", *listen).returncode == 0
    try:
        wait_for(lambda: status(state))
        assert as_nobody(user, "p2p", "--state-dir", str(state), "rs", "peers").returncode == 0
        done = as_nobody(user, "p2p", "status", "--state-dir", str(user.home / "none"))
        assert "no peer is running on" in done.stderr
        own = ["--rs-host", "127.0.0.1", "--rs-port", str(port), "--state-dir", str(user.home / "own")]
        assert as_nobody(user, "p2p", "ls", *own).returncode == 0
    finally:
        os.kill(int((state / "twistd.pid").read_text()), 15)
    wait_for(lambda: not (state / "twistd.pid").exists())


def test_secrets_are_readable_by_their_owner_only(user) -> None:
    rs, peer = user.home / "rs", user.home / "peer"
    secrets = {
        rs: {"registry.sqlite", "api.key", "lock"},
        peer: {"hashes.sqlite", "fulltext.sqlite", "confidential", "cookie", "api.key", "lock"},
    }
    documents = user.home / "docs"
    documents.mkdir()
    (documents / "lecture.txt").write_text("its text is kept\n")
    commands = {rs: user.rs(), peer: user.peer("--state-dir", str(peer), "--share", str(documents))}
    commands[rs] += ["--state-dir", str(rs)]

    def start():
        processes = [user.start(state, *command, umask=0) for state, command in commands.items()]
        wait_for(lambda: status(peer)["rs"]["registered"] and (peer / "fulltext.sqlite").exists())
        return processes

    def wide():
        """The files that others may read; a pid file and a socket's like are not secret."""
        files = [path for state in secrets for path in state.iterdir() if path.is_file() and path.suffix != ".pid"]
        return [path.name for path in files if path.stat().st_mode & 0o077]

    for state in secrets:
        state.mkdir()
        state.chmod(0o777)
    for process in start():
        assert wide() == []
        ended(process)
    for state, names in secrets.items():
        assert names <= {path.name for path in state.iterdir()}
        for name in names:
            (state / name).chmod(0o666)  # as versions before left them
    start()
    wait_for(lambda: wide() == [])  # the file of texts is opened in a thread
