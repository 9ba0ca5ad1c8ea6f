"""Each command line in the README and the docs is one that ``p2p`` and ``twistd`` understand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from p2p_twisted.cli.main import main
from p2p_twisted.peer import tap as peer_tap
from p2p_twisted.rs import tap as rs_tap

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").glob("*.rst")), *sorted((ROOT / "conf").glob("*.conf"))]
LINE = re.compile(r"^(?:#? {4,}|\s+)(?:\$ |ExecStart=)?(?:\S*/)?(p2p|twistd) (.+)$", re.MULTILINE)
SETTINGS = {"p2p-rs": rs_tap.Options.settings, "p2p-peer": peer_tap.Options.settings}
LINES = sorted({(found[1], found[2]) for page in PAGES for found in LINE.finditer(page.read_text("utf-8"))})


def words(line: str) -> list[str]:
    """Return the arguments of the first command on `line`: up to a pipe, a redirection or the next command."""
    return shlex.split(re.split(r" (?:\||&&|>|&|\\)( |$)", line)[0], comments=True)


@pytest.mark.parametrize("line", [line for command, line in LINES if command == "p2p" and "..." not in line])
def test_p2p_has_the_verb_and_its_options(line: str) -> None:
    command: click.Command = main
    arguments = words(line)
    while True:
        context = click.Context(command)
        _, arguments, _ = command.make_parser(context).parse_args(arguments)
        if not isinstance(command, click.Group) or not arguments:
            return
        found = command.get_command(context, arguments.pop(0))
        assert found is not None
        command = found


@pytest.mark.parametrize("line", [line for command, line in LINES if command == "twistd" and "p2p-" in line])
def test_twistd_has_the_settings(line: str) -> None:
    arguments = words(line)
    verb = next(word for word in arguments if word in SETTINGS)
    options = [word.removeprefix("--") for word in arguments[arguments.index(verb) :] if word.startswith("--")]
    assert set(options) <= {setting.name for setting in SETTINGS[verb]} | {"config"}


def test_the_docs_have_many_commands() -> None:
    assert len(LINES) > 40
