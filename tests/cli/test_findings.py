"""What is said of a peer: each fact is ok, a warning or a problem, with a remedy unless it is ok."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.cli import findings
from p2p_twisted.cli.findings import OK, PROBLEM, WARNING, Finding
from p2p_twisted.cli.peer_process import PeerProcess
from p2p_twisted.web.api.schema import encode
from tests.support.fake_facades import FakePeer


def status(**rs: Any) -> dict[str, Any]:
    """Return the status of a peer, with these members of its ``rs``."""
    found: dict[str, Any] = json.loads(encode(FakePeer().status()))
    found["rs"] |= rs
    return found


def checked(found: Finding) -> tuple[str, str]:
    """Return the level and the text; what is not ok has a remedy."""
    assert bool(found.remedy) == (found.level != OK)
    return found.level, found.text


@pytest.mark.parametrize(
    ("rs", "expected"),
    [
        ({}, (OK, "registered with 127.0.0.1:65423: it is the only one")),
        ({"last_error": "timed out"}, (WARNING, "127.0.0.1:65423 does not answer: timed out")),
        ({"registered": False, "last_error": "refused"}, (PROBLEM, "127.0.0.1:65423: refused")),
        ({"registered": False, "host": "", "last_error": None}, (WARNING, "no RS is known: not registered yet")),
    ],
)
def test_the_rs(rs: dict[str, Any], expected: tuple[str, str]) -> None:
    (found,) = findings.of_rs(status(**rs)["rs"])
    assert checked(found) == expected


def test_another_rs_that_fails() -> None:
    others = [{"host": "b", "port": 1, "last_error": None}, {"host": "c", "port": 2, "last_error": "refused"}]
    found = list(findings.of_rs(status(others=others)["rs"]))
    assert [checked(one) for one in found[1:]] == [(WARNING, "c:2: refused")]


@pytest.mark.parametrize(
    ("rs", "expected"),
    [
        ({"reachable": True}, (OK, "another peer has connected to 127.0.0.1:65400")),
        ({"reachable": None}, (WARNING, "no other peer has tried to connect to 127.0.0.1:65400 yet")),
        ({"reachable": False, "unreachable_why": "b:1 says: refused; open the port"}, (PROBLEM, "b:1 says: refused")),
    ],
)
def test_reachability(rs: dict[str, Any], expected: tuple[str, str]) -> None:
    assert checked(findings.of_reachability(status(**rs))) == expected


def test_shares(tmp_path: Path) -> None:
    found = status() | {"shared": [str(tmp_path), str(tmp_path / "gone")]}
    assert [checked(one) for one in findings.of_shares(found)] == [
        (PROBLEM, f"{tmp_path}/gone cannot be read"),
        (
            WARNING,
            "7 files or folders are not shared; the first: /srv/documents/0: is a link; links are not followed",
        ),
    ]
    found |= {"shared": [], "not_shared": {"total": 0, "items": []}}
    assert [checked(one) for one in findings.of_shares(found)] == [
        (OK, "all files in the shared folders are shared: 12 files, 3.5 MB")
    ]


def test_the_download_folder(tmp_path: Path) -> None:
    assert list(findings.of_download_folder(str(tmp_path))) == []
    (found,) = findings.of_download_folder(str(tmp_path / "gone"))
    assert checked(found) == (PROBLEM, f"{tmp_path}/gone cannot be written to")


@pytest.mark.parametrize(("free", "level"), [(10**7, PROBLEM), (5 * 10**8, WARNING), (10**10, OK)])
def test_room(free: int, level: str) -> None:
    assert checked(findings.of_room("state", Path("/x"), free))[0] == level


@pytest.mark.parametrize(
    ("limit", "used", "level"), [(None, 10, OK), (1024, 100, OK), (256, 100, WARNING), (1024, 1000, PROBLEM)]
)
def test_open_files(limit: int | None, used: int, level: str) -> None:
    assert checked(findings.of_open_files(PeerProcess(limit, used, 1, 8192)))[0] == level


@pytest.mark.parametrize(("watches", "level"), [(0, WARNING), (3, OK), (8000, WARNING)])
def test_watches(watches: int, level: str) -> None:
    assert checked(findings.of_watches(PeerProcess(1024, 10, watches, 8192)))[0] == level
