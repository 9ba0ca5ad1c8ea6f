"""Arguments that are not UTF-8, or hold control characters: the message names them and says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.p2p_command import ENVIRONMENT, P2P, serving


@pytest.fixture(scope="module")
def peer() -> Iterator[Path]:
    with serving("peer") as folder:
        yield folder


def run(*arguments: str | bytes, **environment: str) -> tuple[int, str]:
    """The exit code and the last line on stderr."""
    command = [os.fsencode(argument) for argument in (*P2P, *arguments)]
    done = subprocess.run(command, env={**ENVIRONMENT, **environment}, capture_output=True, timeout=60, check=False)
    return done.returncode, (done.stderr.decode().splitlines() or [""])[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["get", b"caf\xe9"], r"NAME 'caf\xe9' is not UTF-8 (at \xe9)"),
        (["get", "done_a", b"\xff"], r"NAME '\xff' is not UTF-8 (at \xff)"),
        (["get", "a\nb"], r"NAME 'a\nb' holds a control character (\n)"),
        (["get", "done_a", "-o", "/tmp/a\tb"], r"the folder '/tmp/a\tb' holds a control character (\t)"),
        (["get", "done_a", "-o", b"/tmp/\xe9"], r"the folder '/tmp/\xe9' is not UTF-8"),
        (["get", "done_a", "../x"], "'../x': no part of a name is empty, hidden or"),
        (["ls", b"\xe9*"], r"PATTERN '\xe9*' is not UTF-8"),
        (["ls", "a\nb"], r"PATTERN 'a\nb' holds a control character (\n)"),
    ],
)
def test_it_is_named_with_what_is_wrong(peer: Path, arguments: list[str | bytes], said: str) -> None:
    code, line = run("--state-dir", str(peer), *arguments)
    assert (code, said in line) == (2, True), line


@pytest.mark.parametrize("name", [b"new\nline", b"caf\xe9"])
def test_a_folder_to_share(peer: Path, tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    code, line = run("--state-dir", str(peer), "share", os.fsencode(folder))
    assert (code, "DIR '" in line, repr(name)[2:-1] in line) == (2, True, True), line


def test_utf_8_in_another_locale(peer: Path) -> None:
    code, line = run(
        *("--state-dir", str(peer), "get", "done_caf\u00e9"), LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    assert (code, "1 file fetched" in line) == (0, True), line
