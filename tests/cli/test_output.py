"""Output can always be written: whatever stdout and stderr are, and whatever encoding they have."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.cli import exits
from p2p_twisted.cli.output import clean
from tests.support.p2p_command import ENVIRONMENT, P2P, serving

VERBS = (
    "ls",
    "ls --json",
    "status",
    "peers",
    "limits",
    "config show",
    "get done_a",
    "get no-holder_a",
    "--help",
    "wrong",
)
ENCODINGS = ("ascii", "ascii:strict", "latin-1", "cp1252", "utf-8:strict", "utf-16")


@pytest.fixture(scope="module")
def peer() -> Iterator[Path]:
    with serving("peer") as folder:
        yield folder


def run(peer: Path, verb: str, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """``p2p VERB``, its streams redirected by the shell."""
    command = ["sh", "-c", f'exec "$@" {verb} {redirect}', "sh", *P2P, "--state-dir", str(peer)]
    return subprocess.run(command, env={**ENVIRONMENT, **environment}, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("verb", VERBS)
def test_closed_streams_change_neither_the_exit_code_nor_what_the_other_says(peer: Path, verb: str) -> None:
    whole = run(peer, verb)
    assert b"Traceback" not in whole.stderr
    for redirect, output, errors in (
        (">&-", b"", whole.stderr),
        ("2>&-", whole.stdout, b""),
        ("<&- >&- 2>&-", b"", b""),
        ("2>/dev/full", whole.stdout, b""),
    ):
        done = run(peer, verb, redirect)
        assert (done.returncode, done.stdout, done.stderr) == (whole.returncode, output, errors), redirect


@pytest.mark.parametrize("verb", ["ls", "ls --json", "status", "get done_a", "--help"])
def test_a_full_disk_is_one_line_and_its_exit_code(peer: Path, verb: str) -> None:
    done = run(peer, verb, ">/dev/full")
    assert done.returncode == exits.DISK_FULL
    assert done.stderr.splitlines()[-1] == b"p2p: output: No space left on device"
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(("verb", "code"), [("ls", 0), ("get done_a", 0), ("get done_a no-holder_b", 12)])
def test_a_reader_that_has_gone_does_not_change_the_exit_code(peer: Path, verb: str, code: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [*P2P, "--state-dir", str(peer), *verb.split()]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, b"Broken" in done.stderr) == (code, False)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_characters_that_the_encoding_lacks_are_escaped(peer: Path, encoding: str) -> None:
    done = run(peer, "ls '\U0001f600'", PYTHONIOENCODING=encoding)
    codec = encoding.partition(":")[0]
    expected = "caf\u00e9 \U0001f600.txt\t13\t1\tno\tDocument 13\n".encode(codec, "backslashreplace")
    assert (done.returncode, done.stdout.decode(codec), done.stderr) == (0, expected.decode(codec), b"")


def test_nothing_is_lost_in_the_c_locale(peer: Path) -> None:
    done = run(peer, "ls .txt", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert b"caf\\xe9 \\U0001f600.txt\t13\t1\tno\tDocument 13\n" in done.stdout


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_paths_into_a_pipe_are_the_bytes_of_the_file_system(peer: Path, encoding: str) -> None:
    done = run(peer, "get 'done_\u00e9\u202e \U0001f600'", PYTHONIOENCODING=encoding)
    assert done.stdout == "/tmp/fetched/done_\u00e9\u202e \U0001f600\n".encode()


@pytest.mark.parametrize(
    "hidden", ["\x1b", "\x9b", "\u200b", "\u202e", "\u2066", "\ufeff", "\u061c", "\U000e0041", "\udcff"]
)
def test_control_and_invisible_characters_are_shown(hidden: str) -> None:
    assert clean(f"a{hidden}b") == f"a{hidden.encode('unicode_escape').decode()}b"
