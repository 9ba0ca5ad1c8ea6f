"""``status``, ``peers``, ``ls``, ``rs``, ``config``: what they print, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.cli import documents, output, show
from tests.support.answers import as_json
from tests.support.fake_control_server import CONFIG
from tests.support.fake_facades import FakePeer
from tests.support.p2p_command import p2p, serving, state_folder


@pytest.fixture(scope="module")
def peer() -> Iterator[Path]:
    with serving("peer") as folder:
        yield folder


@pytest.fixture(scope="module")
def rs() -> Iterator[Path]:
    with serving("rs") as folder:
        yield folder


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print as if to a terminal of 80 columns."""
    monkeypatch.setattr(output, "on_terminal", lambda err=False: True)
    monkeypatch.setenv("COLUMNS", "80")


def test_status(peer: Path) -> None:
    result = p2p("--state-dir", peer, "status")
    assert result.exit_code == 0
    assert "RS\t127.0.0.1:65423, registered\n" in result.stdout
    assert "shares\t12 files, 3.5 MB\n" in result.stdout
    assert "folder\t/srv/documents (only alice, bob)\n" in result.stdout
    assert "not shared\t7, among them\n" in result.stdout
    assert "not shared\t/srv/documents/0: is a link; links are not followed\n" in result.stdout
    assert result.stdout.count("not shared\t/srv/documents/") == 5
    assert "dropped\t127.0.0.1:65401, in a download that ended " in result.stdout
    assert " ago: 3 hash failures\n" in result.stdout
    assert "dropped\t127.0.0.1:65402, in a running download: it was closed\n" in result.stdout


def test_status_says_that_others_cannot_connect() -> None:
    status = as_json(FakePeer().status())
    assert "unreachable" not in dict(show._facts(status))
    status["rs"] |= {"reachable": False, "unreachable_why": "10.0.0.5:65400 cannot be reached; --advertise"}
    assert dict(show._facts(status))["unreachable"] == status["rs"]["unreachable_why"]


def test_status_says_which_rs_and_why() -> None:
    status = as_json(FakePeer().status())
    assert "RS chosen" not in dict(show._facts(status)), "there is no other"
    why = "10.0.0.8:65423 failed 7 s ago: Connection was refused by other side"
    other = {"host": "10.0.0.8", "port": 65423, "address": "10.0.0.8", "last_error": "Connection was refused"}
    status["rs"] |= {"host": "rs.example", "why": why, "others": [other]}
    facts = dict(show._facts(status))
    assert (facts["RS"], facts["RS chosen"]) == ("rs.example:65423 (127.0.0.1), registered", why)


@pytest.mark.parametrize("arguments", [["--json", "status"], ["status", "--json"]])
def test_json_wherever_it_stands(peer: Path, arguments: list[str]) -> None:
    result = p2p("--state-dir", peer, *arguments)
    assert json.loads(result.stdout) == as_json(FakePeer().status())


@pytest.mark.parametrize("arguments", [["{}", "status"], ["status", "{}"]])
def test_the_state_folder_wherever_it_stands(peer: Path, arguments: list[str]) -> None:
    words = [word for argument in arguments for word in (("--state-dir", peer) if argument == "{}" else (argument,))]
    assert p2p(*words).exit_code == 0


def test_the_state_folder_from_the_environment(peer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_STATE_DIR", str(peer))
    assert p2p("status").exit_code == 0


def test_status_of_a_peer_whose_rs_does_not_answer() -> None:
    with serving("peer-whose-rs-is-gone") as folder:
        result = p2p("--state-dir", folder, "status")
    assert "RS\t127.0.0.1:65423, registered, but the RS does not answer: connection refused\n" in result.stdout


def test_refresh(peer: Path) -> None:
    assert p2p("--state-dir", peer, "refresh").stdout == "knows 60 records of 5 other peers\n"
    assert json.loads(p2p("--state-dir", peer, "refresh", "--json").stdout) == as_json(FakePeer().status())


def test_refresh_while_the_rs_is_away() -> None:
    with serving("peer-whose-rs-is-gone") as folder:
        result = p2p("--state-dir", folder, "refresh")
    assert (result.exit_code, result.stdout) == (4, "knows 60 records of 5 other peers\n")
    assert result.stderr == "p2p: RS 127.0.0.1:65423 did not send the list of peers: connection refused\n"


def test_status_of_a_peer_that_is_not_registered() -> None:
    with serving("peer-without-rs") as folder:
        result = p2p("--state-dir", folder, "status")
    assert "RS\t127.0.0.1:65423, not registered: connection refused\n" in result.stdout


def test_peers(peer: Path) -> None:
    assert p2p("--state-dir", peer, "peers").stdout == "127.0.0.1:65401\t10\t12\t0\n127.0.0.1:65402\t0\t-\t3\n"
    assert json.loads(p2p("--state-dir", peer, "peers", "--json").stdout) == as_json(FakePeer().peers())


def test_peers_on_a_terminal(peer: Path, terminal: None) -> None:
    lines = p2p("--state-dir", peer, "peers").stdout.splitlines()
    assert lines[0].split() == ["peer", "files", "seen", "failures"]
    assert lines[-1].split() == ["127.0.0.1:65402", "0", "never", "3"]


def test_ls_has_all_pages_with_a_line_for_each(peer: Path) -> None:
    lines = p2p("--state-dir", peer, "ls").stdout.split("\n")
    assert len(lines) == 1516
    assert lines[0] == "rfc1.txt.pdf\t1\t1\tno\tDocument 1"


def test_ls_with_a_pattern(peer: Path) -> None:
    result = p2p("--state-dir", peer, "ls", "rfc2.")
    assert result.stdout == "rfc2.txt.pdf\t2\t1\tyes\tDocument 2\n"
    found = json.loads(p2p("--state-dir", peer, "ls", "rfc2.", "--json").stdout)
    assert (found["total"], found["items"]) == (1, [FakePeer().documents[1]])


def test_ls_in_another_order(peer: Path) -> None:
    lines = p2p("--state-dir", peer, "ls", "--sort", "size").stdout.splitlines()
    sizes = [int(size) for line in lines if (size := line.split("\t")[1]) != "-"]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1]
    assert "holders" in p2p("--state-dir", peer, "ls", "--sort", "date").stderr


def test_ls_of_a_private_document(peer: Path) -> None:
    assert p2p("--state-dir", peer, "ls", "rfc4.").stdout == "rfc4.txt.pdf\t4\t1\tyes, private\tDocument 4\n"


def test_ls_of_a_name_with_two_contents(peer: Path) -> None:
    lines = p2p("--state-dir", peer, "ls", "choose").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["choose.txt@aaaaaaaa", "choose.txt@bbbbbbbb"]
    found = json.loads(p2p("--state-dir", peer, "ls", "choose", "--json").stdout)
    assert [item["name"] for item in found["items"]] == ["choose.txt"] * 2


def test_hashes_have_the_digits_that_distinguish_them() -> None:
    first, second = "0" * 64, "0" * 12 + "1" * 52
    items: list[dict[str, Any]] = [
        {"name": "a", "sha256": first},
        {"name": "a", "sha256": second},
        {"name": "b", "sha256": None},
    ]
    assert documents.choices(items) == [f"a@{first[:13]}", f"a@{second[:13]}", "b"]


@pytest.mark.parametrize("pattern", [[], ["two words*"]])
def test_an_empty_list_says_so(pattern: list[str], terminal: None) -> None:
    with serving("peer-without-others") as folder:
        result = p2p("--state-dir", folder, "ls", *pattern)
        others = p2p("--state-dir", folder, "peers")
    said = f"no document matches '{pattern[0]}'" if pattern else "no known peer has a document"
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"p2p: {said}\n")
    assert (others.exit_code, others.stdout, others.stderr) == (0, "", "p2p: no other peer is known\n")


def test_names_given_by_strangers_cannot_control_a_terminal(peer: Path) -> None:
    for arguments in ["ls", "evil"], ["ls", "evil", "--json"]:
        text = p2p("--state-dir", peer, *arguments).stdout
        assert not set("\x1b\x9b\u202e") & set(text)
    assert (
        p2p("--state-dir", peer, "ls", "evil").stdout
        == "evil\\x1b[2J\\u202efdp.exe\t-\t1\tno\t[bold]\\x9b31mtitle[/bold]\n"
    )


def test_nor_in_a_table(peer: Path, terminal: None) -> None:
    text = p2p("--state-dir", peer, "ls", "evil").stdout
    assert not set("\x1b\x9b\u202e") & set(text)
    assert "[bold]\\x9b31mtitle[/bold]" in text


def test_a_table_fits_and_cuts_no_name(peer: Path, terminal: None) -> None:
    lines = p2p("--state-dir", peer, "ls", "long").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "long-" * 30 + "name.pdf" in "".join(line.split(" ")[0] for line in lines[2:])


def test_a_name_is_never_cut_in_a_pipe(peer: Path) -> None:
    assert p2p("--state-dir", peer, "ls", "long").stdout.startswith("long-" * 30 + "name.pdf\t12\t")


def test_rs(rs: Path) -> None:
    said = p2p("--state-dir", rs, "rs", "status").stdout
    assert "active\t1\n" in said and "limits reached\tcookies 122\n" in said and "problem" not in said
    lines = p2p("rs", "peers", "--state-dir", rs).stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["10.0.0.1:65400", "yes"], ["10.0.0.2:65401", "no"]]
    found = json.loads(p2p("--state-dir", rs, "rs", "peers", "--json").stdout)
    assert found["total"] == 2
    assert "cookie" not in found["items"][0]


def test_options_before_and_behind_each_word(peer: Path, rs: Path) -> None:
    expected = p2p("rs", "peers", "--state-dir", rs).stdout
    assert p2p("rs", "--state-dir", rs, "peers").stdout == expected
    assert json.loads(p2p("rs", "--json", "--state-dir", rs, "peers").stdout)["total"] == 2
    assert p2p("--state-dir", peer, "rs", "--state-dir", rs, "peers").stdout == expected
    assert json.loads(p2p("config", "--state-dir", peer, "--json", "show").stdout) == as_json(CONFIG)


def test_a_process_of_the_other_role_is_refused(peer: Path, rs: Path) -> None:
    for arguments, other in (["--state-dir", rs, "status"], "an RS"), (["rs", "status", "--state-dir", peer], "a peer"):
        result = p2p(*arguments)
        assert (result.exit_code, other in result.stderr) == (2, True)


def test_settings_of_the_running_peer(peer: Path) -> None:
    result = p2p("--state-dir", peer, "config", "show")
    assert result.stdout == (
        "rs-host\t127.0.0.1\tflag\nshare\t/srv/a, /srv/b\t/etc/peer.conf\nup-rate\t512000\tflag\nweb\t-\tdefault\n"
    )
    assert json.loads(p2p("--state-dir", peer, "config", "show", "--json").stdout) == as_json(CONFIG)


def test_settings_of_a_file(tmp_path: Path) -> None:
    for name, content, line in (
        ("peer.conf", "[peer]\nrs-host = 192.0.2.1\n", "rs-host\t192.0.2.1\t{}\n"),
        ("rs.conf", "[rs]\nttl = 100\n", "ttl\t100\t{}\n"),
        ("rs.conf", "[rs]\nallow = 10.0.0.0/8, ::ffff:192.0.2.7\n", "allow\t10.0.0.0/8, 192.0.2.7/32\t{}\n"),
        ("peer.conf", "[peer]\nrs-host = 192.0.2.1\ndeny = 10.0.0.7\n", "deny\t10.0.0.7/32\t{}\n"),
    ):
        file = tmp_path / name
        file.write_text(content)
        result = p2p("config", "show", "--config", file)
        assert result.exit_code == 0
        assert line.format(file) in result.stdout


def test_settings_of_a_file_with_a_mistake(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "peer.conf"
    for content in "[peer]\nrs-hots = 192.0.2.1\n", "rs-host", "[other]\n", "\xff":
        file.write_text(content, encoding="latin-1")
        result = p2p("config", "show", "--config", file)
        assert (result.exit_code, str(file) in result.stderr) == (2, True)


def test_nobody_runs() -> None:
    with state_folder() as folder:
        result = p2p("--state-dir", folder, "status")
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        assert f"twistd -n p2p-peer --state-dir {folder} --rs-host HOST" in result.stderr
        assert "make this command a peer with --rs-host HOST" in result.stderr
        result = p2p("--state-dir", folder, "rs", "peers")
        assert (result.exit_code, "twistd -n p2p-rs" in result.stderr) == (2, True)
