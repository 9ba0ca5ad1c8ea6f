"""``p2p search``: what is asked for, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.cli import output, search
from tests.support.p2p_command import p2p, serving


@pytest.fixture(scope="module")
def peer() -> Iterator[Path]:
    with serving("peer") as folder:
        yield folder


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (("slow", "start"), "slow start "),
        (("slow start", "tcp"), '"slow start" tcp '),
        (('"slow start" tcp',), '"slow start" tcp '),
        (("author:van Jacobson",), 'author:"van Jacobson" '),
        (("at 10:30 sharp",), '"at 10:30 sharp" '),
    ],
)
def test_words_in_quotes_follow_each_other(words: tuple[str, ...], query: str) -> None:
    assert search._query(words) == query


def test_lines_for_programs(peer: Path) -> None:
    result = p2p("--state-dir", peer, "search", "rfc2.txt")
    assert result.exit_code == 0
    passage = "…the \\x1b[31melapsed time"
    assert result.stdout == f"rfc2.txt.pdf\t2\t1\tyes\tDocument 2\t{passage}\n"
    assert result.stderr == "p2p: 1 of 3 peers did not answer in time\n"


def test_a_terminal_shows_the_words_in_bold(peer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda err=False: True)
    monkeypatch.setattr(search, "on_terminal", lambda err=False: True)
    lines = p2p("--state-dir", peer, "search", "rfc2.txt").stdout.splitlines()
    assert lines == [
        "\x1b[1mrfc2.txt.pdf\x1b[0m  2 bytes, 1 peer, here",
        "  Document 2",
        "  RFC 8446; Standards Track; 2018-08; E. Rescorla; obsoletes 5077, 5246; updated by 9000",
        "  …the \\x1b[31m\x1b[1melapsed time\x1b[0m",
        "",
    ]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in p2p("--state-dir", peer, "search", "rfc2.txt").stdout


def test_json(peer: Path) -> None:
    found = json.loads(p2p("--state-dir", peer, "search", "--json", "rfc2.txt").stdout)
    assert [item["document"]["name"] for item in found["items"]] == ["rfc2.txt.pdf"]


def test_nothing_found(peer: Path) -> None:
    result = p2p("--state-dir", peer, "search", "nothing", "of", "the kind")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no document that is known has all of these words" in result.stderr


def test_no_word(peer: Path) -> None:
    result = p2p("--state-dir", peer, "search", "--", "-")
    assert result.exit_code == 2
    assert "a search has from 1 to 16 words" in result.stderr
