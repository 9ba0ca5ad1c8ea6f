"""``p2p rs top``: the figures of a frame, one look for a pipe, and the table in a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import Any

from p2p_twisted.cli.rs_top import HEADINGS, Frame
from p2p_twisted.events.durations import Durations
from p2p_twisted.rs.counts import RequestCounts
from tests.support.p2p_command import ENVIRONMENT, P2P, p2p, serving


def status(uptime: int = 10, **counts: float) -> dict[str, Any]:
    """Return a status whose counts are `counts`, with spaces for underscores, and 0 else."""
    numbers = {**RequestCounts().numbers(0, {}), **Durations().numbers("delays"), "commits": 0.0}
    numbers |= {name.replace("_", " "): number for name, number in counts.items()}
    return {"uptime": uptime, "active": 2, "records": 3, "connections": 4, "waiting": 5, "counts": numbers}


def row(frame: Frame, method: str) -> dict[str, str]:
    [found] = [fields for fields in frame.rows() if fields[0] == method]
    return dict(zip(HEADINGS, found, strict=True))


def test_rates_are_those_between_two_looks() -> None:
    before = status(requests_KeepAlive_200=1000, requests_KeepAlive_403=5)
    after = status(requests_KeepAlive_200=5000, requests_KeepAlive_403=6)
    found = row(Frame(after, before, 2.0), "KeepAlive")
    assert (found["granted/s"], found["refused/s"]) == ("2000", "0.50")


def test_the_first_look_has_the_averages_since_the_start() -> None:
    assert row(Frame(status(uptime=50, requests_Leave_200=100)), "Leave")["granted/s"] == "2.00"
    assert row(Frame(status(uptime=0, requests_Leave_200=3)), "Leave")["granted/s"] == "3.00"


def test_the_times_of_a_share_of_the_answers() -> None:
    counts = {"seconds Register 0.001": 98.0, "seconds Register 0.25": 1.0, "seconds Register inf": 1.0}
    after = status()
    after["counts"] |= counts
    found = row(Frame(after), "Register")
    assert (found["half within"], found["99 % within"]) == ("1 ms", "250 ms")
    after["counts"]["seconds Register inf"] = 5.0
    assert row(Frame(after), "Register")["99 % within"] == "over 5 s"
    assert row(Frame(after), "PQuery")["half within"] == "-"


def test_limits_that_were_hit() -> None:
    assert dict(Frame(status()).facts())["limits"] == "none hit"
    facts = dict(Frame(status(limits_cookies=25, limits_connections=300)).facts())
    assert facts["limits"] == "connections 30/s, cookies 2.50/s"


def test_a_pipe_gets_one_look() -> None:
    with serving("rs") as folder:
        result = p2p("--state-dir", folder, "rs", "top")
        assert result.exit_code == 0
        assert "peers\t1 active, 2 records\n" in result.stdout
        assert "limits\tcookies 2.00/s\n" in result.stdout
        assert "KeepAlive\t1.00\t0\t-\t-\n" in result.stdout
        whole = json.loads(p2p("--state-dir", folder, "rs", "top", "--json").stdout)
        assert whole["counts"]["requests KeepAlive 200"] == 61


def in_terminal(folder: object, keys: bytes, **environment: str) -> tuple[int, str]:
    """Run it in a terminal and press `keys` when it has drawn; return the exit code and what it wrote."""
    ours, theirs = pty.openpty()
    command = [*P2P, "--state-dir", str(folder), "rs", "top"]
    variables = {**ENVIRONMENT, "TERM": "xterm-256color", "LINES": "30", **environment}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables) as process:
        os.close(theirs)
        written = b""
        while b"q quits" not in written:
            written += os.read(ours, 65536)
        os.write(ours, keys)
        code = process.wait(30)
    os.close(ours)
    return code, written.decode()


def test_a_terminal_gets_the_table_until_q() -> None:
    with serving("rs") as folder:
        code, written = in_terminal(folder, b"xq")
        assert code == 0
        for word in (*HEADINGS, "KeepAlive", "1 active, 2 records"):
            assert word in written


def test_without_colours_if_they_are_not_wanted() -> None:
    with serving("rs") as folder:
        _, plain = in_terminal(folder, b"q", NO_COLOR="1")
        assert "\x1b[3" not in plain
