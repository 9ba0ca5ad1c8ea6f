"""Options in the environment: their names, what takes precedence, and mistakes in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from p2p_twisted.cli import options
from p2p_twisted.cli.main import _VERBS, main
from tests.support.p2p_command import p2p, serving

SHARED = {"P2P_JSON", "P2P_RS", "P2P_TLS"}


@pytest.fixture(scope="module")
def peer() -> Iterator[Path]:
    with serving("peer") as folder:
        yield folder


def commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield `command` and those below it, each with its words."""
    yield words, command
    if isinstance(command, click.Group):
        for name, part in command.commands.items():
            yield from commands(part, (*words, name))


@pytest.mark.parametrize("verb", _VERBS)
def test_each_option_has_a_variable_that_its_help_names(verb: str) -> None:
    whole = main.get_command(click.Context(main), verb)
    assert whole is not None
    for words, command in commands(whole, (verb,)):
        prefix = "_".join(("p2p", *words)).replace("-", "_").upper()
        told = "".join(p2p(*words, "--help").stdout.split())
        for option in command.params:
            if isinstance(option, click.Option) and option.name not in ("state_dir", "rs_host", "rs_port"):
                assert isinstance(option.envvar, str)
                assert option.envvar in SHARED or option.envvar.startswith(f"{prefix}_")
                assert f"[envvar:{option.envvar}" in told


def test_values(peer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_STATE_DIR", str(peer))
    monkeypatch.setenv("P2P_SEARCH_LIMIT", "1")
    monkeypatch.setenv("P2P_JSON", "1")
    assert len(json.loads(p2p("search", "rfc").stdout)["items"]) == 1
    assert len(json.loads(p2p("search", "rfc", "--limit", 2).stdout)["items"]) == 2
    assert json.loads(p2p("status").stdout)["role"] == "peer"


def test_a_mistake_names_the_variable(peer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_GET_TIMEOUT", "soon")
    result = p2p("--state-dir", peer, "get", "done_a")
    assert (result.exit_code, "'--timeout' (env var: 'P2P_GET_TIMEOUT')" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("given", "rs"),
    [
        ([], (("192.0.2.1", None), ("rs.example", 4000))),
        (["--rs", "192.0.2.2"], (("192.0.2.2", None),)),
        (["--rs-host", "192.0.2.2"], (("192.0.2.2", 65423),)),
    ],
)
def test_an_rs_on_the_command_line_takes_precedence(
    given: list[str], rs: tuple[options.Rs, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[options.Where] = []
    monkeypatch.setenv("P2P_RS", "192.0.2.1 rs.example:4000")
    click.command()(options.for_peer(found.append)).main([*given, "--state-dir", "/x"], "p2p", standalone_mode=False)
    assert found[0].rs == rs
