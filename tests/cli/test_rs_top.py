"""``p2p rs top``: the figures of a frame, one look for a pipe, and the table in a terminal."""

from __future__ import annotations

import json
from typing import Any

from p2p_twisted.cli.rs_top import HEADINGS, RsFrame
from p2p_twisted.events.durations import Durations
from p2p_twisted.rs.counts import RequestCounts
from tests.support.p2p_command import p2p, serving
from tests.support.pseudo_terminal import in_terminal


def status(uptime: int = 10, **counts: float) -> dict[str, Any]:
    """Return a status whose counts are `counts`, with spaces for underscores, and 0 else."""
    numbers = {**RequestCounts().numbers(0, {}), **Durations().numbers("delays"), "commits": 0.0}
    numbers |= {name.replace("_", " "): number for name, number in counts.items()}
    return {"uptime": uptime, "active": 2, "records": 3, "connections": 4, "waiting": 5, "counts": numbers}


def row(frame: RsFrame, method: str) -> dict[str, str]:
    [found] = [fields for fields in frame.rows() if fields[0] == method]
    return dict(zip(HEADINGS, found, strict=True))


def test_rates_are_those_between_two_looks() -> None:
    before = status(requests_KeepAlive_200=1000, requests_KeepAlive_403=5)
    after = status(requests_KeepAlive_200=5000, requests_KeepAlive_403=6)
    found = row(RsFrame(after, before, 2.0), "KeepAlive")
    assert (found["granted/s"], found["refused/s"]) == ("2000", "0.50")


def test_the_first_look_has_the_averages_since_the_start() -> None:
    assert row(RsFrame(status(uptime=50, requests_Leave_200=100)), "Leave")["granted/s"] == "2.00"
    assert row(RsFrame(status(uptime=0, requests_Leave_200=3)), "Leave")["granted/s"] == "3.00"


def test_the_times_of_a_share_of_the_answers() -> None:
    counts = {"seconds Register 0.001": 98.0, "seconds Register 0.25": 1.0, "seconds Register inf": 1.0}
    after = status()
    after["counts"] |= counts
    found = row(RsFrame(after), "Register")
    assert (found["half within"], found["99 % within"]) == ("1 ms", "250 ms")
    after["counts"]["seconds Register inf"] = 5.0
    assert row(RsFrame(after), "Register")["99 % within"] == "over 5 s"
    assert row(RsFrame(after), "PQuery")["half within"] == "-"


def test_limits_that_were_hit() -> None:
    assert dict(RsFrame(status()).facts())["limits"] == "none hit"
    facts = dict(RsFrame(status(limits_cookies=25, limits_connections=300)).facts())
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


def test_a_terminal_gets_the_table_until_q() -> None:
    with serving("rs") as folder:
        code, written = in_terminal(("--state-dir", str(folder), "rs", "top"), b"xq")
        assert code == 0
        for word in (*HEADINGS, "KeepAlive", "1 active, 2 records"):
            assert word in written


def test_without_colours_if_they_are_not_wanted() -> None:
    with serving("rs") as folder:
        _, plain = in_terminal(("--state-dir", str(folder), "rs", "top"), b"q", NO_COLOR="1")
        assert "\x1b[3" not in plain
