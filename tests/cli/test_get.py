"""``get``: the order it gives, what it prints, and every exit code."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.cli import exits
from p2p_twisted.cli.outcome import SHOWN, Outcome
from p2p_twisted.experiment.run.cluster import wait_until
from p2p_twisted.web.control_client import ControlClient
from tests.support.fake_facades import a_download, a_file
from tests.support.p2p_command import ENVIRONMENT, P2P, p2p, serving


@pytest.fixture(scope="module")
def peer() -> Iterator[Path]:
    with serving("peer") as folder:
        yield folder


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["done_a"], 0),
        (["done_a", "there_b"], 0),
        (["no-holder_a"], 3),
        (["no-holder_a", "no-holder_b"], 3),
        (["rs-unreachable_a"], 4),
        (["peers-failed_a"], 5),
        (["timeout_a"], 6),
        (["checksum_a"], 8),
        (["disk-full_a"], 9),
        (["ambiguous_a"], 10),
        (["exists_a"], 11),
        (["unwritable_a"], 1),
        (["done_a", "no-holder_b"], 12),
        (["there_a", "checksum_b"], 12),
        (["checksum_a", "exists_b"], 12),
    ],
)
def test_exit_codes(peer: Path, names: list[str], code: int) -> None:
    result = p2p("--state-dir", peer, "get", *names)
    assert result.exit_code == code
    for name in names:
        assert (f"{name}: {name} went wrong" in result.stderr) == (not name.startswith(("done", "there")))


def test_paths_for_programs_and_a_summary_for_people(peer: Path) -> None:
    result = p2p("--state-dir", peer, "get", "done_a", "there_b", "no-holder_c")
    assert result.stdout == "/tmp/fetched/done_a\n/tmp/fetched/there_b\n"
    assert result.stderr.splitlines()[-1] == (
        "p2p: 1 file fetched to /tmp/fetched, 1.0 kB in 2.5 s, 1.2 kB/s, from 1 peer; "
        "1 file already in /tmp/fetched; 1 file failed"
    )


def test_json(peer: Path) -> None:
    result = p2p("--state-dir", peer, "get", "done_a", "checksum_b", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["state"], len(found["files"]), result.stderr) == (12, "failed", 2, "")


def test_the_order(peer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[object] = []
    monkeypatch.setattr(ControlClient, "post", lambda self, path, body: orders.append(body) or {"id": "1"})
    monkeypatch.chdir(tmp_path)
    p2p("--state-dir", peer, "get", "done_a")
    p2p("--state-dir", peer, "get", "--all", "--overwrite", "--no-swarm", "-o", "sub")
    assert orders == [
        {"names": ["done_a"], "dir": None, "overwrite": False, "swarm": True},
        {"all": True, "dir": str(tmp_path / "sub"), "overwrite": True, "swarm": False},
    ]


def test_the_order_from_certain_peers(peer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[dict[str, object]] = []
    monkeypatch.setattr(ControlClient, "post", lambda self, path, body: orders.append(body) or {"id": "1"})
    p2p("--state-dir", peer, "get", "done_a", "--from", "10.0.0.1:65400", "--from", "[::1]:65401")
    assert [order["from"] for order in orders] == [["10.0.0.1:65400", "::1:65401"]]
    for wrong in "10.0.0.1", "10.0.0.1:0", "http://10.0.0.1:80", "a b:1":
        result = p2p("--state-dir", peer, "get", "done_a", "--from", wrong)
        assert (result.exit_code, "--from must be" in result.stderr, wrong in result.stderr) == (2, True, True)
    assert len(orders) == 1


def test_json_of_what_was_never_ordered(peer: Path) -> None:
    result = p2p("--state-dir", peer, "get", "nosuch*", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["id"], found["missing"], found["here"]) == (3, None, ["nosuch*"], {})


def test_more_names_than_an_order_takes(peer: Path) -> None:
    result = p2p("--state-dir", peer, "get", *(f"done_{number}{'x' * 1000}" for number in range(1100)))
    assert (result.exit_code, result.stderr) == (
        exits.FAILED,
        "p2p: 1100 names are too many for one download; give narrower patterns, or --all\n",
    )


def test_many_failures_are_not_all_named(peer: Path) -> None:
    result = p2p("--state-dir", peer, "get", *(f"no-holder_{number}" for number in range(25)))
    assert "and 5 more; --json lists them all" in result.stderr
    assert len(result.stderr.splitlines()) == 22


def test_no_holder_without_an_rs_is_an_rs_that_cannot_be_reached() -> None:
    with serving("peer-without-rs") as folder:
        result = p2p("--state-dir", folder, "get", "no-holder_a")
    assert result.exit_code == 4
    assert "not registered with RS 127.0.0.1:65423: connection refused" in result.stderr


def test_no_holder_while_the_rs_is_away_from_a_peer_that_was_registered() -> None:
    with serving("peer-whose-rs-is-gone") as folder:
        result = p2p("--state-dir", folder, "get", "no-holder_a")
        done = p2p("--state-dir", folder, "get", "done_a")
    assert (result.exit_code, done.exit_code) == (4, 0)
    assert "RS 127.0.0.1:65423 did not send the list of peers: connection refused" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["done_a", "--all"],
        ["done_a", "--timeout", "0"],
        ["done_a", "--timeout", "soon"],
        ["done_a", "--rs-host", "two words"],
        ["done_a", "--rs", "rs.example", "--rs", "http://rs.example"],
        ["done_a", "--rs-port", "0"],
        ["a\nb"],
        ["done_a", "-o", "/etc/passwd"],
        ["done_a", "-o", "/not/a/folder"],
    ],
)
def test_usage(peer: Path, arguments: list[str]) -> None:
    result = p2p("--state-dir", peer, "get", *arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert "Traceback" not in result.stderr


def test_bytes_of_an_earlier_run_are_counted_apart() -> None:
    file = a_file("a", "done") | {"got": 4000}
    assert Outcome(a_download("1", [file], "done"))._summary() == (
        "1 file fetched to /tmp/fetched, 4.0 kB (3.0 kB of it was here) in 2.5 s, 1.2 kB/s, from 1 peer"
    )


def test_the_sources_explained(peer: Path) -> None:
    result = p2p("--state-dir", peer, "get", "done_a", "--explain")
    assert result.stdout == "/tmp/fetched/done_a\n"
    assert result.stderr.splitlines()[0] == "127.0.0.1:65401\t1000\t100%\trarest piece: 1\tkept"


def test_the_sources_explained_when_it_is_given_up(peer: Path) -> None:
    result = p2p("--state-dir", peer, "get", "running_a", "--explain", "--timeout", "0.1")
    assert (result.exit_code, len(result.stderr.splitlines())) == (6, 2)
    assert result.stderr.startswith("127.0.0.1:65401\t")


def test_a_restarted_peer_no_longer_knows_the_download(peer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ControlClient, "post", lambda self, path, body: {"id": "another"})
    result = p2p("--state-dir", peer, "get", "done_a", "--explain")
    assert (result.exit_code, "the peer stopped; start it again" in result.stderr) == (7, True)


def test_timeout_stops_the_download(peer: Path) -> None:
    result = p2p("--state-dir", peer, "get", "running_a", "--timeout", "0.1")
    assert (result.exit_code, "not complete in time" in result.stderr) == (6, True)
    assert ControlClient(peer).get("downloads")["items"][-1]["state"] == "cancelled"


def test_another_rs_than_the_running_peers(peer: Path) -> None:
    result = p2p("--state-dir", peer, "get", "done_a", "--rs-host", "192.0.2.1")
    assert result.exit_code == 0
    assert "a peer is already running, with RS 127.0.0.1:65423" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(peer: Path, number: int) -> None:
    process = running(peer, stderr=subprocess.PIPE)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 7
    assert b"interrupted" in errors
    assert b"the same command resumes" in errors
    assert ControlClient(peer).get("downloads")["items"][-1]["state"] == "cancelled"


def test_the_peer_stops_meanwhile() -> None:
    with serving("peer") as folder:
        process = running(folder, stderr=subprocess.PIPE)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 7
    assert b"the peer stopped; start it again" in errors


def test_a_bar_on_a_terminal(peer: Path) -> None:
    ours, theirs = pty.openpty()
    process = running(peer, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"0/1 pieces, 1 source" not in shown:
        shown += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    try:
        while data := os.read(ours, 4096):
            shown += data
    except OSError:  # how a pseudo-terminal ends on Linux
        pass
    os.close(ours)
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (7, b"")
    assert b"interrupted" in shown
    bars = re.findall("[\u2500-\u257f]+", shown.decode(errors="ignore"))
    assert max(map(len, bars)) >= 20
    assert shown.rpartition(b"\r")[0].rpartition(b"\n")[2].find(b"piece") < 0, "the message is on the line of the bar"


def test_no_bar_on_a_terminal(peer: Path) -> None:
    ours, theirs = pty.openpty()
    command = [*P2P, "--state-dir", str(peer), "get", "--no-progress", "done_a"]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True)
    os.close(theirs)
    shown = os.read(ours, 4096)
    os.close(ours)
    assert (done.stdout, shown.count(b"\n")) == (b"/tmp/fetched/done_a\n", 1)
    assert shown.startswith(b"p2p: 1 file fetched")


def running(folder: Path, stderr: int) -> subprocess.Popen[bytes]:
    """A ``p2p get`` of what never comes, that has given its order."""
    client = ControlClient(folder)
    before = len(client.get("downloads")["items"])
    command = [*P2P, "--state-dir", str(folder), "get", "running_a"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=stderr)
    wait_until(lambda: len(client.get("downloads")["items"]) > before, time.monotonic() + 30, "no order")
    client.close()
    return process


def test_a_complaint_names_the_document_once() -> None:
    for text, line in (
        ("no peer has a/b.txt", "no peer has a/b.txt"),
        ("no room for /tmp/fetched/a/b.txt.part", "no room for /tmp/fetched/a/b.txt.part"),
        ("nothing came for 30 s", "a/b.txt: nothing came for 30 s"),
    ):
        file = a_file("a/b.txt", "failed") | {"error": {"kind": "peers-failed", "text": text}}
        assert Outcome(a_download("1", [file], "failed"))._complaint(file) == line


@pytest.mark.parametrize(("number", "rest"), [(2, ""), (150, "and 130 more; ")])
def test_skipped_documents_are_named(capsys: pytest.CaptureFixture[str], number: int, rest: str) -> None:
    skipped = [{"name": f"-{i}\u202e", "why": "a part begins with -"} for i in range(min(number, 100))]
    download = a_download("1", [], "done") | {"files_passed_over": number, "passed_over": skipped}
    outcome = Outcome(download)
    outcome._show_skipped()
    *lines, last = capsys.readouterr().err.splitlines()
    assert len(lines) == min(number, SHOWN)
    assert lines[0] == "p2p: -0\\u202e: skipped: a part begins with -"
    assert last == f"p2p: {rest}a skipped document is fetched if it is named"
    assert outcome._summary().startswith("nothing else to fetch")
    assert outcome.code() == exits.OK


class TestCodes:
    def test_an_error_of_the_whole_counts_when_files_failed_for_several_reasons(self) -> None:
        files = [a_file("a", "failed", kind="checksum"), a_file("b", "failed", kind="exists")]
        assert Outcome(a_download("1", files, "failed", kind="disk-full")).code() == exits.DISK_FULL

    def test_nothing_was_to_be_fetched(self) -> None:
        assert Outcome(a_download("1", [], "done")).code() == exits.OK

    def test_an_error_before_any_file(self) -> None:
        assert Outcome(a_download("1", [], "failed", kind="rs-unreachable")).code() == exits.RS_UNREACHABLE

    def test_cancelled_by_somebody_else(self) -> None:
        files = [a_file("a", "cancelled")]
        assert Outcome(a_download("1", files, "cancelled")).code() == exits.FAILED
