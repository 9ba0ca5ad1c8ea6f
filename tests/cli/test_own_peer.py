"""``p2p`` as a peer itself, against a real RS and a real peer."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.selectreactor import SelectReactor
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from p2p_twisted.cli import exits, own_peer, session
from p2p_twisted.config.state_folder import LOCK_FILE, HeldError
from p2p_twisted.experiment.run.cluster import Cluster, wait_until
from p2p_twisted.web.control_client import ControlClient, ControlError
from tests.support.answers import as_json
from tests.support.fake_facades import FakePeer
from tests.support.p2p_command import ENVIRONMENT, P2P, p2p, state_folder

pytestmark = pytest.mark.slow

CONTENT = b"This is a document.\n" * 1000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(1) as cluster:
        (cluster.peers[0].share_dir / "a.txt").write_bytes(CONTENT)
        (cluster.peers[0].share_dir / "b.txt").write_bytes(CONTENT[::-1])
        cluster.start()
        cluster.wait_for_documents(2)
        yield cluster


@pytest.fixture
def state() -> Iterator[Path]:
    with state_folder() as folder:
        yield folder


@pytest.fixture
def at(cluster: Cluster, state: Path) -> list[str]:
    """The options that make ``p2p`` a peer of the cluster."""
    port = ControlClient(cluster.peers[0].state_dir).get("status")["rs"]["port"]
    return ["--rs-host", "127.0.0.1", "--rs-port", str(port), "--state-dir", str(state)]


def start(*arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*P2P, *arguments], env=ENVIRONMENT, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(*arguments: str, cwd: Path | None = None) -> tuple[int, str, str]:
    process = start(*arguments, cwd=cwd)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_get_to_the_folder_one_is_in(at: list[str], tmp_path: Path) -> None:
    code, out, err = run("get", "a.txt", *at, cwd=tmp_path)
    assert (code, out) == (0, f"{tmp_path}/a.txt\n"), err
    assert (tmp_path / "a.txt").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


_UNUSED = {
    "OpenSSL",
    "cryptography",
    "jinja2",
    "rich",
    "p2p_twisted.library.notify",
    "p2p_twisted.net.local_network",
    "p2p_twisted.peer.downloads.orders",
    "p2p_twisted.peer.wants.keeper",
    "p2p_twisted.web.pages.page",
    "p2p_twisted.web.pages.render",
}
"""Modules that a plain ``get`` does not use: each would take some per cent of the time until it asks for the file."""


def test_get_loads_nothing_that_it_does_not_use(at: list[str], tmp_path: Path) -> None:
    program = "import sys\nfrom p2p_twisted.cli.main import main\ntry: main()\nfinally: print(*sys.modules)"
    command = [sys.executable, "-c", program, "get", "a.txt", *at]
    done = subprocess.run(command, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    fetched, loaded = done.stdout.splitlines()
    assert (done.returncode, fetched) == (0, f"{tmp_path}/a.txt"), done.stderr
    assert not _UNUSED & set(loaded.split())


def test_every_download_has_an_id_of_its_own_also_after_a_restart(at: list[str], tmp_path: Path) -> None:
    ids = [json.loads(run("get", "a.txt", "--json", *at, cwd=tmp_path)[1])["id"] for _ in range(2)]
    assert len(set(ids)) == 2


def test_explain_names_the_source_and_the_reason(at: list[str], tmp_path: Path, cluster: Cluster) -> None:
    address = "{host}:{port}\t20000\t100%\t".format(**cluster.peers[0].control.get("status"))
    for how, reason in ((), r"next piece of the source: \d"), (("--no-swarm",), "the whole file: 1"):
        code, _, err = run("get", "a.txt", "--explain", *how, *at, cwd=tmp_path)
        assert (code, bool(re.match(f"{address}{reason}\tkept\n", err))) == (0, True), err
        (tmp_path / "a.txt").unlink()


def test_the_settings_of_a_peer(cluster: Cluster) -> None:
    code, out, _ = run("config", "show", "--state-dir", str(cluster.peers[0].state_dir))
    assert (code, f"share\t{cluster.peers[0].share_dir}\tflag\n" in out) == (0, True)


def test_get_all(at: list[str], tmp_path: Path) -> None:
    code, out, err = run("get", "--all", "-o", str(tmp_path / "new"), *at)
    assert (code, len(out.splitlines())) == (0, 2), err
    assert (tmp_path / "new/b.txt").read_bytes() == CONTENT[::-1]


def test_it_leaves_nothing_running(at: list[str], state: Path, tmp_path: Path, cluster: Cluster) -> None:
    code, out, _ = run("status", "--json", *at)
    port = json.loads(out)["port"]
    assert code == 0
    assert not (state / "api.sock").exists()
    records = cluster.rs.control.get("peers")["items"]
    assert not any(record["isActive"] for record in records if record["port"] == port)


def test_documents_of_others_are_listed(at: list[str]) -> None:
    code, out, _ = run("ls", *at)
    assert (code, [line.split("\t")[0] for line in out.splitlines()]) == (0, ["a.txt", "b.txt"])
    code, out, _ = run("peers", *at)
    assert (code, out.split("\t")[1]) == (0, "2")


def test_nobody_has_it(at: list[str]) -> None:
    assert run("get", "c.txt", *at)[0] == 3


def test_another_file_of_that_name_is_not_overwritten(at: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine")
    assert run("get", "a.txt", *at, cwd=tmp_path)[0] == 11
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert run("get", "a.txt", "--overwrite", *at, cwd=tmp_path)[0] == 0


def test_no_rs_there(state: Path) -> None:
    code, _, err = run("get", "a.txt", "--rs-host", "127.0.0.1", "--rs-port", "1", "--state-dir", str(state))
    assert (code, err.count("\n")) == (4, 1)
    assert "not registered with RS 127.0.0.1:1: " in err


def test_a_state_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run("ls", "--rs-host", "127.0.0.1", "--state-dir", str(tmp_path / "file/state"))
    assert (code, err.count("\n")) == (1, 1)
    assert "--state-dir" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_share_in_the_foreground(at: list[str], state: Path, tmp_path: Path, cluster: Cluster, number: int) -> None:
    (tmp_path / "c.txt").write_bytes(CONTENT)
    process = start("share", str(tmp_path), *at)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(f"sharing {tmp_path} at ")
    other = ControlClient(state)
    wait_until(lambda: other.get("index", q="c.txt")["total"] == 1, time.monotonic() + 30, "it is not shared")
    code, out, _ = run("ls", "c.txt", "--state-dir", str(state))
    assert (code, out.split("\t")[0]) == (0, "c.txt")
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "p2p: leaving\n")
    with pytest.raises(ControlError):
        other.get("status")


def test_it_waits_for_others_who_found_it_running(capsys: pytest.CaptureFixture[str]) -> None:
    class Asked:
        answers = [[{"ended": None}, {"ended": 1.0}], [{"ended": None}], []]

        def get(self, path: str) -> dict[str, object]:
            assert path == "downloads"
            return {"items": self.answers.pop(0)}

    client = Asked()
    session.wait_for_others(client)  # type: ignore[arg-type]  # a fake client
    assert client.answers == []
    assert capsys.readouterr().err.count("another p2p command") == 1


def test_the_fakes_are_like_the_real_one(cluster: Cluster, at: list[str], tmp_path: Path) -> None:
    control, fake = cluster.peers[0].control, FakePeer()
    fake.start_download(["done_a"], None, False)
    assert set(as_json(fake.status())) == set(control.get("status"))
    assert set(fake.documents[0]) == set(control.get("index")["items"][0])
    _, out, _ = run("get", "a.txt", "--json", *at, cwd=tmp_path)
    real, faked = json.loads(out), fake.running["1"]
    assert set(faked) <= set(real)
    assert set(faked["files"][0]) == set(real["files"][0])


def test_an_rs_that_says_nothing_has_no_longer_than_the_timeout(state: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        at = ["--rs-host", "127.0.0.1", "--rs-port", str(silent.getsockname()[1]), "--state-dir", str(state)]
        code, _, err = run("get", "a.txt", "--timeout", "0.3", *at)
    assert (code, "has not answered in time" in err) == (6, True), err


def test_nobody_has_it_and_the_rs_is_gone(tmp_path: Path) -> None:
    with Cluster(1) as cluster:
        (cluster.peers[0].share_dir / "a.txt").write_bytes(CONTENT)
        cluster.start()
        cluster.wait_for_documents(1)
        at = ["--state-dir", str(cluster.peers[0].state_dir)]
        assert run("get", "nosuch", *at)[0] == 3
        cluster.kill9("rs")
        for what in "nosuch", "--all":
            code, _, err = run("get", what, *at)
            assert (code, "did not send the list of peers: Connection refused" in err) == (4, True), err


def test_a_command_waits_for_one_that_is_about_to_be_the_peer(at: list[str], state: Path, tmp_path: Path) -> None:
    """Its state folder is held before it answers."""
    (tmp_path / "c.txt").write_bytes(CONTENT)
    first = start("share", str(tmp_path), *at)
    try:
        wait_until(lambda: (state / LOCK_FILE).exists(), time.monotonic() + 60, "nobody holds the state folder")
        code, out, err = run("ls", *at)
        # it may not know the documents of the others yet
        assert (code, "c.txt" in {line.split("\t")[0] for line in out.splitlines()}) == (0, True), err
    finally:
        first.terminate()
        first.communicate(timeout=60)


@pytest.fixture
def second_reactor(monkeypatch: pytest.MonkeyPatch) -> object:
    """A reactor for the thread of a peer in this process; the global one is the tests'."""
    reactor = SelectReactor()
    monkeypatch.setattr(own_peer, "_reactor", reactor)
    return reactor


@pytest.mark.usefixtures("second_reactor")
def test_a_peer_in_this_process(at: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = p2p("get", "a.txt", *at)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}/a.txt\n"), result.stderr
    assert (tmp_path / "a.txt").read_bytes() == CONTENT


@pytest.mark.usefixtures("second_reactor")
def test_a_peer_in_this_process_that_cannot_start(state: Path) -> None:
    (state / "downloads").write_text("a file in the way")
    with pytest.raises(exits.Failure, match="downloads"), own_peer.OwnPeer(state, [("127.0.0.1", 1)], []):
        pytest.fail("it started")


@pytest.mark.usefixtures("second_reactor")
def test_a_state_folder_that_another_process_holds(cluster: Cluster) -> None:
    with pytest.raises(HeldError), own_peer.OwnPeer(cluster.peers[0].state_dir, [("127.0.0.1", 1)], []):
        pytest.fail("it started")


def test_warnings_of_the_peer_are_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    for level, format_ in ((LogLevel.info, "starting"), (LogLevel.warn, "slow {what}")):
        own_peer._observe({"log_level": level, "log_format": format_, "what": "disk"})
    own_peer._observe({"log_level": LogLevel.error, "log_format": "broken", "log_failure": Failure(OSError("full"))})
    assert capsys.readouterr().err == "p2p: slow disk\np2p: broken: OSError('full')\n"
