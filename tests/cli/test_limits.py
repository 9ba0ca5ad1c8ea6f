"""``limits``: shown and changed, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.cli import limits
from p2p_twisted.cli.output import size
from p2p_twisted.config.rates import parse_rate
from tests.support.p2p_command import p2p, serving


@pytest.fixture(scope="module")
def peer() -> Iterator[Path]:
    with serving("peer") as folder:
        yield folder


def test_one_limit_then_the_other_then_none(peer: Path) -> None:
    for arguments, up, down in (
        ([], "none", "none"),
        (["--up", "500K"], "500000", "none"),
        (["--down", "20Mbit"], "500000", "2500000"),
        (["--up", "none", "--down", "none"], "none", "none"),
    ):
        result = p2p("--state-dir", peer, "limits", *arguments)
        assert (result.exit_code, result.stdout) == (0, f"up\t{up}\ndown\t{down}\n")


def test_json(peer: Path) -> None:
    p2p("--state-dir", peer, "limits", "--up", "2000")
    found = p2p("--state-dir", peer, "limits", "--json", "--up", "none", "--down", "1M")
    assert json.loads(found.stdout) == {"up_rate": None, "down_rate": 1000000}


def test_limits_in_a_pipe_can_be_parsed(peer: Path) -> None:
    result = p2p("--state-dir", peer, "limits", "--up", "1.5Mi")
    limits = dict(line.split("\t") for line in result.stdout.splitlines())
    assert parse_rate(limits["up"]) == 1.5 * 2**20


def test_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "on_terminal", lambda: True)
    assert limits._facts({"up_rate": 2500000.0, "down_rate": None}) == [("up", f"{size(2500000)}/s"), ("down", "none")]


@pytest.mark.parametrize("rate", ["fast", "", "-1", "0", "999", "20 Mbit up", "1e6"])
def test_invalid_rates_are_refused(peer: Path, rate: str) -> None:
    result = p2p("--state-dir", peer, "limits", f"--down={rate}")
    assert result.exit_code == 2
    assert f"--down: {rate!r} must be" in result.stderr
