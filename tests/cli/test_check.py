"""``p2p check``: what it prints and writes, and its exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

from p2p_twisted.check.rs import CHECKS
from p2p_twisted.cli import exits
from tests.check.servers.peer import HonestPeer
from tests.check.servers.wrong_rs import HonestRS, WrongStatusLine
from tests.support.p2p_command import p2p


@pytest.fixture
def honest() -> Iterator[str]:
    with HonestRS() as server:
        yield f"127.0.0.1:{server.port}"


@pytest.fixture
def wrong() -> Iterator[str]:
    with WrongStatusLine() as server:
        yield f"127.0.0.1:{server.port}"


FEW = "register,status-line,cookie-unique"


def test_a_server_that_passes(honest: str) -> None:
    done = p2p("check", "rs", honest, "--only", FEW, "--bytes")
    assert (done.exit_code, done.stderr) == (exits.OK, "p2p: all 3 mandatory checks passed\n")
    assert done.stdout.splitlines()[0].split("\t")[:3] == ["pass", "messages", "register"]
    assert "> Register NULL P2P_DI_1.0\\n" in done.stdout and "< 200 OK P2P-CI/1.0\\n" in done.stdout


def test_a_server_that_fails(wrong: str) -> None:
    done = p2p("check", "rs", wrong, "--only", FEW)
    assert (done.exit_code, done.stderr) == (exits.FAILED, "p2p: 1 of 3 mandatory checks not passed\n")
    row = next(line for line in done.stdout.splitlines() if line.startswith("fail"))
    assert row.split("\t")[2:] == [
        "status-line",
        "the first line is 'HTTP/1.0 200 OK'",
        "it must be '200 OK P2P-CI/1.0'",
    ]


def test_all_reports_with_a_rubric(wrong: str, tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.toml"
    rubric.write_text("[points]\nmessages = 6\nstate = 4\n[weights]\nstatus-line = 2\n", "utf-8")
    files = [tmp_path / name for name in ("junit.xml", "results.json", "report.html")]
    options = [part for pair in zip(("--junit", "--gradescope", "--html"), files, strict=True) for part in pair]
    done = p2p("check", "rs", wrong, "--only", FEW, "--json", "--rubric", rubric, *options)
    assert (done.exit_code, done.stderr) == (exits.FAILED, "p2p: 1 of 3 mandatory checks not passed; 6 of 10 points\n")
    assert json.loads(done.stdout)["points"]["got"] == 6
    assert parse(files[0]).getroot().get("failures") == "1"
    assert json.loads(files[1].read_text("utf-8"))["score"] == 6
    assert "6 of 10 points" in files[2].read_text("utf-8")


def test_the_checks_are_listed_without_a_server() -> None:
    done = p2p("check", "rs", "--list", "--level", "1.1")
    listed = {line.split("\t")[0] for line in done.stdout.splitlines()}
    assert done.exit_code == exits.OK
    assert listed == {check.id for check in CHECKS if check.level in ("", "1.1") and "add" not in check.needs}
    items = json.loads(p2p("check", "rs", "--list", "--json", "--only", "strict").stdout)["items"]
    assert [(item["id"], item["mandatory"]) for item in items] == [("strict", False)]


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with HonestRS() as server:
        pass
    report = tmp_path / "report.html"
    done = p2p("check", "rs", f"127.0.0.1:{server.port}", "--html", report)
    assert done.exit_code == exits.NOT_THERE
    assert done.stderr.count("\n") == 1 and "nobody takes connections at" in done.stderr
    assert not report.exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "name the server to check: HOST:PORT"),
        (["h:99999"], "the address must be a host"),
        (["http://h"], "the address must be a host without the rest of a URL"),
        (["h", "--profile", "2.0"], "2.0 is not a profile; there are 1.0, 1.1"),
        (["h", "--profile", "p2p-ci", "--level", "1.1"], "the profile p2p-ci has no level 1.1"),
        (["h", "--only", "no-such"], "the profile 1.0 has no check no-such; --list lists them"),
        (["h", "--only", "pipelined"], "the profile 1.0 has no check pipelined"),
        (["h", "--ttl", "0"], "0.0 is not in the range"),
        (["h", "--timeout", "x"], "'x' is not a valid float"),
        (["h", "--rubric", "/nowhere.toml"], "/nowhere.toml is not a rubric"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], line: str) -> None:
    done = p2p("check", "rs", *arguments)
    assert done.exit_code == exits.USAGE
    assert line in done.stderr


def test_a_profile_without_messages_of_an_rs_is_told(tmp_path: Path) -> None:
    profile = tmp_path / "ours.toml"
    profile.write_text(
        "title = 'x'\n[messages]\nfile = 'GET'\n[answer]\nstatus = '{code}'\n[codes]\nok = 200\n", "utf-8"
    )
    done = p2p("check", "rs", "127.0.0.1:1", "--profile", profile)
    assert (done.exit_code, "neither register nor list" in done.stderr) == (exits.USAGE, True)


def test_a_rubric_of_another_profile_is_told(honest: str, tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.toml"
    rubric.write_text("[points]\nextensions = 6\n", "utf-8")
    done = p2p("check", "rs", honest, "--rubric", rubric)
    assert done.exit_code == exits.USAGE
    assert "the rubric names the group extensions, which is not there" in done.stderr


def test_a_file_that_cannot_be_written_is_told_before_the_checks(honest: str, tmp_path: Path) -> None:
    done = p2p("check", "rs", honest, "--junit", tmp_path / "none" / "junit.xml")
    assert (done.exit_code, done.stderr.count("\n")) == (exits.FAILED, 1)
    assert "No such file or directory" in done.stderr


def test_a_peer(tmp_path: Path) -> None:
    (tmp_path / "rfc1149.txt").write_text("Avian carriers", "utf-8")
    with HonestPeer(tmp_path) as peer:
        address = f"127.0.0.1:{peer.port}"
        done = p2p("check", "peer", address, "--only", "file,names-parent")
        assert (done.exit_code, done.stderr) == (exits.OK, "p2p: all 2 mandatory checks passed\n")
        done = p2p("check", "peer", address, "--only", "file", "--document", "rfc2549.txt", "--bytes")
        assert done.exit_code == exits.FAILED
        assert "file was answered '100 FILE_NOT_FOUND P2P-CI/1.0'" in done.stdout and "> rfc2549\\n" in done.stdout


def test_a_peer_whose_index_is_empty(tmp_path: Path) -> None:
    with HonestPeer(tmp_path) as peer:
        done = p2p("check", "peer", f"127.0.0.1:{peer.port}", "--only", "file", "--json")
    [item] = json.loads(done.stdout)["items"]
    assert (done.exit_code, item["verdict"], item["seen"]) == (
        exits.FAILED,
        "could not tell",
        "the index has no document",
    )
    assert "--document NAME" in item["mend"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("peer", "127.0.0.1"), "name the port as well: 127.0.0.1:PORT"),
        (("peer", "127.0.0.1:1", "--profile", "p2p-ci"), "name a document that it has with --document"),
        (("client",), "name the command that starts the client: -- COMMAND"),
        (("client", "--level", "1.1", "--", "x"), "a client cannot be checked by the profile 1.1"),
        (("client", "--profile", "p2p-ci", "--", "x"), "a client cannot be checked by the profile p2p-ci"),
        (("client", "--only", "nothing", "--", "x"), "the profile 1.0 has no check nothing; --list lists them"),
    ],
)
def test_orders_that_are_none(arguments: tuple[str, ...], said: str) -> None:
    done = p2p("check", *arguments)
    assert done.exit_code == exits.USAGE and said in done.stderr


def test_a_client(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    client = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1]))).send(b'HELLO')"
    command = ("--", sys.executable, "-c", client, "{rs_port}")
    done = p2p("check", "client", "--only", "connects,registers-first", "--html", report, *command)
    assert (done.exit_code, done.stderr) == (exits.FAILED, "p2p: 1 of 2 mandatory checks not passed\n")
    assert "the first request is 'HELLO'" in done.stdout and "HELLO" in report.read_text("utf-8")
    assert p2p("check", "client", "--list").exit_code == exits.OK
