"""Starting a command: its places are filled in, it is ended with all that it has started, and a crash is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from p2p_twisted.check.client.program import (
    MAX_OUTPUT,
    NotStarted,
    Program,
    can_be_reached,
    crash_in,
    filled,
    free_port,
)

VALUES = {name: name.upper() for name in ("rs", "host", "rs_port", "port", "dir", "document", "number")}


def test_places() -> None:
    assert filled(["./c", "{host}:{rs_port}", "{}", "{other}", "-d{dir}"], VALUES) == [
        *("./c", "HOST:RS_PORT", "{}", "{other}", "-dDIR"),
    ]


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (b"all is well\n", ""),
        (
            b'x\nTraceback (most recent call last):\n  File "c.py"\nIndexError: list index out of range\n',
            "IndexError: l",
        ),
        (b'Exception in thread "main" java.lang.NullPointerException\n\tat C.main\n', "Exception in thread"),
        (b"Traceback (most recent call last):\n  cut o", "Traceback"),
    ],
)
def test_crashes(output: bytes, line: str) -> None:
    found = crash_in(output)
    assert found.startswith(line) and bool(found) == bool(line)


def started(code: str, typed: Path | None = None) -> Program:
    return Program([sys.executable, "-u", "-c", code], VALUES, typed)


def test_one_that_ends(tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    typed.write_text("1\n")
    code = "import os; print(input(), os.environ['P2P_CHECK_RS_PORT'])"
    program = started(code, typed)
    assert program.wait(20)
    program.end()
    assert program.ended_by_itself and program.last_line() == "1 RS_PORT" and program.crash() == ""


def test_one_that_goes_on() -> None:
    """It is asked to end, and says so; what it has started ends with it."""
    port = free_port()
    child = (
        f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('up', flush=True); time.sleep(99)"
    )
    code = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}])\ntry: p.wait()\n"
    code += "except KeyboardInterrupt: print('bye')"
    program = started(code)
    while program.last_line() != "up":
        assert not program.wait(0.05)
    assert can_be_reached(str(port))
    program.end()
    assert not program.ended_by_itself and not can_be_reached(str(port))
    assert b"bye" in program.output


def test_one_that_prints_without_end() -> None:
    program = started("while True: print('x' * 1000)")
    assert not program.wait(0.5)
    program.end()
    assert 0 < len(program.output) <= MAX_OUTPUT


def test_one_that_cannot_be_started() -> None:
    with pytest.raises(NotStarted, match="cannot run /no/such: No such file"):
        Program(["/no/such"], VALUES, None)


@pytest.mark.parametrize("port", ["", "x", "0", "99999999999"])
def test_ports_that_are_none(port: str) -> None:
    assert not can_be_reached(port)
