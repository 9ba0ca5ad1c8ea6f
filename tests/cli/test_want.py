"""``want`` and ``mirror``, against a peer that is only its API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.p2p_command import p2p, serving


@pytest.fixture
def peer() -> Iterator[Path]:
    with serving("peer") as folder:
        yield folder


def wants(peer: Path) -> list[tuple[str, str | None, str, bool]]:
    items = json.loads(p2p("--state-dir", peer, "want", "--json").stdout)["items"]
    return [(item["pattern"], item["peer"], item["directory"], item["delete"]) for item in items]


def test_none(peer: Path) -> None:
    result = p2p("--state-dir", peer, "want")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "p2p: nothing is wanted\n")


def test_wants_are_added_listed_and_stopped(peer: Path, tmp_path: Path) -> None:
    added = p2p("--state-dir", peer, "want", "rfc8*")
    assert added.stdout == "w1: rfc8* to /tmp/fetched; 'p2p want' shows how it stands\n"
    p2p("--state-dir", peer, "want", "a/", "-o", tmp_path, "--from", "127.0.0.1:65401")
    assert wants(peer) == [("rfc8*", None, "/tmp/fetched", False), ("a/", "127.0.0.1:65401", str(tmp_path), False)]
    listed = p2p("--state-dir", peer, "want")
    assert listed.stdout.splitlines()[1] == f"w2\ta/ of 127.0.0.1:65401\t3\t2\t1\tno\t{tmp_path}"
    assert "p2p: a.pdf: another file is in its place\n" in listed.stderr
    assert p2p("--state-dir", peer, "want", "--stop", "rfc8*").stdout == "stopped: rfc8*\n"
    assert json.loads(p2p("--state-dir", peer, "want", "--stop", "w2", "--json").stdout) == {"items": []}
    refused = p2p("--state-dir", peer, "want", "--stop", "w2")
    assert (refused.exit_code, "no want is w2" in refused.stderr) == (1, True)


def test_mirrors(peer: Path, tmp_path: Path) -> None:
    folder = str(tmp_path)
    p2p("--state-dir", peer, "mirror", "127.0.0.1:65401", folder, "--delete")
    p2p("--state-dir", peer, "mirror", "[2001:db8::1]:65401", folder)
    p2p("--state-dir", peer, "mirror", "rfc*", folder, "--from", "127.0.0.1:65401")
    p2p("--state-dir", peer, "mirror", "README", folder)
    assert wants(peer) == [
        ("*", "127.0.0.1:65401", folder, True),
        ("*", "2001:db8::1:65401", folder, False),
        ("rfc*", "127.0.0.1:65401", folder, False),
        ("README", None, folder, False),
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("want", "a", "--stop", "b"),
        ("want", "-o", "/tmp"),
        ("want", "a", "--from", "127.0.0.1"),
        ("want", "a\nb"),
        ("want", ".."),
        ("mirror", "a"),
        ("mirror", "127.0.0.1:1", "/tmp", "--from", "127.0.0.1:2"),
    ],
)
def test_what_makes_no_sense(peer: Path, words: tuple[str, ...]) -> None:
    result = p2p("--state-dir", peer, *words)
    assert (result.exit_code, result.stdout) == (2, "")


def test_no_peer_runs(tmp_path: Path) -> None:
    assert p2p("--state-dir", tmp_path, "want").exit_code == 2
