"""The command as a whole: help, verbs, what it loads, what it says when nothing is there."""

from __future__ import annotations

import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import click
import pytest

from p2p_twisted.cli import exits, session
from p2p_twisted.cli.main import _VERBS, main
from p2p_twisted.web.control_client import ControlClient
from tests.support.p2p_command import ENVIRONMENT, P2P, p2p, serving, state_folder


def test_help_has_every_verb_and_every_exit_code() -> None:
    result = p2p("--help")
    assert result.exit_code == 0
    for verb, (_, text) in _VERBS.items():
        assert f"  {verb}" in result.stdout
        assert text in result.stdout
    for code, meaning in exits.MEANINGS.items():
        assert f"{code:>2}  {meaning}" in result.stdout


@pytest.mark.parametrize("verb", _VERBS)
def test_every_verb_is_there_and_helps(verb: str) -> None:
    assert isinstance(main.get_command(click.Context(main), verb), click.Command)
    assert p2p(verb, "--help").exit_code == 0


def test_an_unknown_verb() -> None:
    result = p2p("stauts")
    assert (result.exit_code, "stauts" in result.stderr) == (2, True)


def test_version() -> None:
    assert p2p("--version").stdout.startswith("p2p, version ")


@pytest.mark.parametrize("arguments", [["--help"], ["get", "--help"], ["--state-dir", "{}", "status"]])
def test_unneeded_modules_are_not_imported(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom p2p_twisted.cli.main import main\nmain(sys.argv[1:], standalone_mode=False)\n"
        "assert not {'twisted', 'rich', 'p2p_twisted.experiment.verbs.demo_command'} & set(sys.modules)"
    )
    with serving("peer") as folder:
        words = [word.format(folder) for word in arguments]
        command = [sys.executable, "-c", program, *words]
        subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True, timeout=60)


def test_share(tmp_path: Path) -> None:
    with serving("peer") as folder:
        result = p2p("--state-dir", folder, "share", tmp_path)
        assert result.exit_code == 0
        assert f"sharing {tmp_path}" in result.stdout
        result = p2p("--state-dir", folder, "share", tmp_path, "--to", "alice,@readers")
        assert f"sharing {tmp_path} with alice,@readers;" in result.stdout
        result = p2p("--state-dir", folder, "share", tmp_path, "--to", "al ice")
        assert result.exit_code == 2
        assert "--to must be the names of peers" in result.stderr
        result = p2p("--state-dir", folder, "share", "--json", tmp_path)
        assert str(tmp_path) in result.stdout
        assert p2p("--state-dir", folder, "share", tmp_path / "none").exit_code == 2


def test_output_that_nobody_reads_or_that_has_no_room() -> None:
    with serving("peer") as folder, Path("/dev/full").open("w") as full:
        command = [*P2P, "--state-dir", str(folder), "ls"]
        done = subprocess.run(command, env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (exits.DISK_FULL, b"p2p: output: No space left on device\n")
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.close()
            assert process.stderr.read() == b""


def test_a_peer_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ControlClient", partial(ControlClient, timeout=0.05))
    with state_folder() as folder, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "api.sock"))
        silent.listen()
        result = p2p("--state-dir", folder, "status")
    assert (result.exit_code, "no answer" in result.stderr) == (exits.TIMEOUT, True)


def test_a_key_that_is_not_the_peers(tmp_path: Path) -> None:
    with serving("peer") as folder:
        (folder / "api.key").write_text("0" * 64)
        result = p2p("--state-dir", folder, "share", tmp_path)
    assert (result.exit_code, result.stderr) == (exits.FAILED, "p2p: the key is wrong\n")
