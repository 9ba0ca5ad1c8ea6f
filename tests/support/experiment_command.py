"""``p2p experiment`` as a process of its own, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .p2p_command import ENVIRONMENT, P2P

TIMEOUT = 240
"""Seconds for what takes a few, on a machine that is busy with other things."""
ENDLESS = ("swarm", "--peers", "3", "--size", "64", "--up", "1Mbit")
"""One that takes ten minutes unless it is stopped."""
PER_TASK = ["", "-each-peer", "-who-to-whom"]


def running_in(folder: Path) -> list[int]:
    """The processes whose command line names something in ``folder`` (where there is a /proc)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(folder) in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            pass
    return found


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder with a short path, in which experiments make theirs; whatever still runs there is killed."""
    with tempfile.TemporaryDirectory(prefix="p2pt") as name:
        try:
            yield Path(name)
        finally:
            for pid in running_in(Path(name)):
                os.kill(pid, signal.SIGKILL)


def start(tmp: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [*P2P, "experiment", *map(str, arguments), "--out", str(tmp / "out")]
    env = {**ENVIRONMENT, "TMPDIR": str(tmp)}
    return subprocess.Popen(command, env=env, cwd=tmp, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(tmp: Path, *arguments: object, code: int = 0) -> str:
    """Run an experiment to its end; what it printed."""
    process = start(tmp, *arguments)
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    assert (process.returncode, err) == (code, ""), out
    assert_nothing_left(tmp)
    return out


def assert_nothing_left(tmp: Path) -> None:
    assert running_in(tmp) == []
    assert [path.name for path in tmp.iterdir() if path.name != "out"] == []


def results(tmp: Path) -> list[dict[str, Any]]:
    """The runs in results.json."""
    runs: list[dict[str, Any]] = json.loads((tmp / "out/results.json").read_text("utf-8"))["runs"]
    return runs


def assert_figures(tmp: Path, *names: str) -> None:
    """These are there as PNG and SVG, and no others; so are the data and the report, with as many figures in it."""
    figures = {path.name: path for path in (tmp / "out/figures").iterdir()}
    assert set(figures) == {name + suffix for name in names for suffix in (".png", ".svg")}
    assert all(path.stat().st_size > 1000 for path in figures.values())
    assert {path.name for path in (tmp / "out").iterdir()} == {
        "figures",
        "report.html",
        "results.json",
        "transfers.csv",
    }
    assert (tmp / "out/report.html").read_text("utf-8").count("data:image/svg+xml;base64,") == len(names)


def stop_when(process: subprocess.Popen[str], ready: Any, number: signal.Signals) -> tuple[list[str], str]:
    """Send the signal when ``ready`` says so of the kinds of events so far; all kinds, and what was on stderr."""
    watchdog = threading.Timer(TIMEOUT, process.kill)
    watchdog.start()
    kinds: list[str] = []
    sent = False
    try:
        assert process.stdout is not None
        for line in process.stdout:
            kinds.append(json.loads(line)["event"])
            if not sent and ready(kinds):
                process.send_signal(number)
                sent = True
        _, err = process.communicate()
    finally:
        watchdog.cancel()
        process.kill()
    assert sent, kinds
    return kinds, err
