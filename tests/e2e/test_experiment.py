"""``p2p experiment`` with real peers: its results, its faults, Ctrl-C in the middle, and what it refuses."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run import suite
from tests.support.p2p_command import ENVIRONMENT, P2P, p2p

from ..experiment.run.test_netns import needs_root
from .test_demo import running_in

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
pytest.importorskip("jinja2", reason="Jinja2 is not installed")

TIMEOUT = 240
"""Seconds for what takes a few, on a machine that is busy with other things."""
SMALL = ("--peers", "4", "--files", "12", "--size", "1", "--up", "80Mbit", "--down", "400Mbit")
SWARM = ("swarm", "--size", "2", "--up", "8Mbit", "--down", "100Mbit", "--peers")
ENDLESS = ("swarm", "--peers", "3", "--size", "64", "--up", "1Mbit")
"""One that takes ten minutes unless it is stopped."""
TASKS = ["task1", "task1-swarm", "task2-worst", "task2-best", "task2-swarm"]
PER_TASK = ["", "-each-peer", "-who-to-whom"]


@pytest.fixture
def tmp() -> Iterator[Path]:
    with temporary() as folder:
        yield folder


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


def test_all_tasks(tmp: Path) -> None:
    out = run(tmp, "all", *SMALL)
    runs = results(tmp)
    assert [found["task"] for found in runs] == TASKS
    assert [(found["verified"], found["expected"]) for found in runs] == [
        (39, 39),
        (39, 39),
        (48, 48),
        (48, 48),
        (48, 48),
    ]
    assert "222 of 222 copies have the right SHA-256." in out.splitlines()
    assert out.splitlines()[-1] == f"report: {tmp / 'out/report.html'}"
    assert_figures(tmp, "times", "tasks", *(task + end for task in TASKS for end in PER_TASK))
    check_transfers(tmp, runs)


def test_the_same_seed_orders_the_same_transfers(tmp: Path) -> None:
    found = []
    for seed in (5, 5, 6):
        with temporary() as folder:
            run(folder, "task1", "--peers", 2, "--files", 6, "--up", "80Mbit", "--seed", seed)
            [only] = results(folder)
            came = [transfer["file"] for transfer in sorted(only["transfers"], key=lambda transfer: transfer["start"])]
            assert came == only["orders"]["peer2"]
            found.append((only["holdings"], only["orders"]))
    assert found[0] == found[1]
    assert found[0][1] != found[2][1]


def check_transfers(tmp: Path, runs: Sequence[dict[str, Any]]) -> None:
    """Each document that was ordered came, from whom it was to come, and what the CSV says is what the JSON says."""
    with (tmp / "out/transfers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    listed = [(found["task"], transfer) for found in runs for transfer in found["transfers"]]
    assert rows == [
        {"task": task, "repeat": "1", **{name: str(value) for name, value in transfer.items()}}
        for task, transfer in listed
    ]
    for found in runs:
        if found["swarm"]:  # a document may come from several, and did if it has several pieces
            came = sorted({(transfer["peer"], transfer["file"]) for transfer in found["transfers"]})
        else:
            came = sorted((transfer["peer"], transfer["file"]) for transfer in found["transfers"])
        assert came == sorted((peer, name) for peer, names in found["orders"].items() for name in names)
        assert all(0 <= transfer["start"] <= transfer["end"] for transfer in found["transfers"])
    assert {transfer["source"] for transfer in runs[0]["transfers"]} == {"peer1"}


def test_ctrl_c_leaves_nothing_behind_but_what_was_found(tmp: Path) -> None:
    process = start(tmp, "task1", "--peers", "3", "--files", "6", "--up", "2Mbit", "--repeat", "50", "--events")
    kinds, err = stop_when(process, lambda events: "run-ended" in events and events[-1] == "progress", signal.SIGINT)
    assert process.returncode == 7, err
    assert err == "p2p: interrupted; all processes were stopped, and the results so far are written\n"
    assert kinds[-1] == "end"
    assert_nothing_left(tmp)
    *whole, last = results(tmp)
    assert last["interrupted"]
    assert whole
    assert all(found["verified"] == found["expected"] and not found["interrupted"] for found in whole)
    assert_figures(tmp, "times", *(f"task1{end}" for end in PER_TASK))
    assert "The experiment was interrupted." in (tmp / "out/report.html").read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_only_run_is_interrupted(tmp: Path, number: signal.Signals) -> None:
    process = start(tmp, *ENDLESS, "--events")
    _, err = stop_when(process, lambda events: events.count("progress") >= 5, number)
    assert (process.returncode, err.count("\n")) == (7, 1), err
    assert_nothing_left(tmp)
    [found] = results(tmp)
    assert (found["interrupted"], found["verified"], found["expected"]) == (True, 1, 3)
    assert found["spread"] > 0
    assert found["samples"]


def test_an_interrupted_start_leaves_no_folder_of_results(tmp: Path) -> None:
    process = start(tmp, *ENDLESS, "--events")
    _, err = stop_when(process, lambda events: events == ["run"], signal.SIGINT)
    assert (process.returncode, err.count("\n")) == (7, 1), err
    assert_nothing_left(tmp)
    assert not (tmp / "out").exists() or results(tmp)[-1]["interrupted"]


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


def test_a_corrupt_peer_spoils_nothing(tmp: Path) -> None:
    out = run(tmp, *SWARM, 4, "--liar", "peer3")
    [found] = results(tmp)
    assert found["liars"] == ["peer3"]
    assert list(found["orders"]) == ["peer2", "peer4"]
    assert found["verified"] == found["expected"] == 3
    assert "Swarm, one document, 4 peers (peer3 corrupt): the last one had everything after " in out
    assert re.search(
        r"peer3 (sent [0-9]+ pieces? of garbage; none of it was kept|offered garbage, and no peer downloaded any)\.",
        out,
    )


def test_a_corrupt_peer_spoils_no_document_that_is_fetched_whole(tmp: Path) -> None:
    out = run(tmp, "task1", "--peers", 4, "--files", 6, "--liar", "peer3")
    [found] = results(tmp)
    assert found["verified"] == found["expected"] == 6 + 2 * 4
    garbage = sum(transfer["bytes"] for transfer in found["transfers"] if transfer["source"] == "peer3")
    assert ("peer3 offered garbage" in out) == (garbage == 0)
    assert "0.0 MB" not in out


def test_a_run_is_completed_for_those_who_were_not_killed(tmp: Path) -> None:
    out = run(tmp, *SWARM, 4, "--kill", "peer3@30%")
    [found] = results(tmp)
    assert [(event["peer"], event["text"]) for event in found["events"]] == [("peer3", "peer3 killed")]
    assert found["events"][0]["at"] > 0
    assert (found["verified"], found["expected"], found["killed"]) == (3, 3, ["peer3"])
    assert found["failed"] == {"peer3": {"large.bin": "it was killed"}}
    assert "Swarm, one document, 4 peers (peer3 killed): the last of the others had everything after " in out
    assert "Swarm, one document, run 1: peer3 killed after " in out
    assert ">killed</text>" in (tmp / "out/figures/swarm.svg").read_text("utf-8")


@pytest.mark.parametrize("task", ["swarm", "task1"])
def test_a_run_ends_when_what_is_missing_is_lost(tmp: Path, task: str) -> None:
    size = ("--size", 4) if task == "swarm" else ("--files", 30)
    out = run(tmp, task, "--peers", 4, *size, "--up", "8Mbit", "--kill", "source@30%", code=12)
    [found] = results(tmp)
    assert found["killed"] == ["peer1"]
    lacking = [(name, reason) for reasons in found["failed"].values() for name, reason in reasons.items()]
    arrived = {arrival["file"] for arrival in found["arrivals"]}  # at one peer, when the source died
    assert set(found["lost"]) == {name for name, _ in lacking} - arrived != set()
    assert {name for name, reason in lacking if reason == "lost with peer1"} == set(found["lost"])
    assert (found["wrong"], found["expected"] - found["verified"]) == (0, sum(map(len, found["failed"].values())))
    assert " lost with peer1: no other peer had a whole copy." in out
    assert "not completed; 0 of 3 other peers had all they wanted when it ended" in out


def test_a_collector_that_is_killed_takes_only_its_own_documents_along(tmp: Path) -> None:
    run(tmp, "task2-worst", "--peers", 4, "--files", 24, "--up", "4Mbit", "--kill", "source@10%", code=12)
    [found] = results(tmp)
    assert found["killed"] == ["peer1"]
    assert set(found["lost"]) <= set(found["holdings"]["peer1"])
    assert {name for reasons in found["failed"].values() for name in reasons} >= set(found["lost"])
    survivors = {transfer["peer"] for transfer in found["transfers"] if transfer["source"] != "peer1"}
    assert survivors >= {"peer2", "peer3", "peer4"}


def test_a_source_that_is_killed_when_others_have_all_is_not_missed(tmp: Path) -> None:
    """Two are fast, and have it long before the slow one has 40 %."""
    links = ("--up", "16Mbit", "--slow", "peer4=2Mbit")
    out = run(tmp, "swarm", "--peers", 4, "--size", 1, *links, "--kill", "source@80%")
    [found] = results(tmp)
    assert [(event["peer"], event["text"]) for event in found["events"]] == [("peer1", "peer1 killed")]
    assert found["slow"] == {"peer4": 250_000.0}
    assert found["verified"] == found["expected"] == 3
    assert "3 of 3 copies" in out
    svg = (tmp / "out/figures/swarm.svg").read_text("utf-8")
    assert ">peer1 killed</text>" in svg
    assert ">peer4: 2 Mbit/s</text>" in svg


def test_a_killed_and_restarted_peer_gets_everything(tmp: Path) -> None:
    run(tmp, *SWARM, 3, "--churn", "1s")
    [found] = results(tmp)
    assert found["verified"] == found["expected"] == 3
    said = [event["text"].split() for event in found["events"]]
    assert [what for _, what in said] == ["killed", "back"] * (len(said) // 2)
    assert {peer for peer, _ in said} <= {"peer2", "peer3"}
    assert said


def test_growth(tmp: Path) -> None:
    out = run(tmp, "scale", "--peers", "3,2", "--size", "1", "--up", "80Mbit")
    assert [(found["task"], len(found["holdings"])) for found in results(tmp)] == [
        ("central", 2),
        ("swarm", 2),
        ("central", 3),
        ("swarm", 3),
    ]
    assert_figures(tmp, "growth")
    assert "One source, one document: from 2 to 3 peers the time grew " in out
    assert "With 3 peers the swarm is " in out


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 on loopback")
def test_sites_on_loopback_take_each_piece_over_the_link_once(tmp: Path) -> None:
    out = run(tmp, "sites", "--sites", "2+2", "--size", "4", "--between", "10Mbit")
    [found] = results(tmp)
    assert (found["task"], found["sites"], found["verified"]) == ("sites", [2, 2], 4)
    assert found["bound"] == pytest.approx(4 * 2**20 / 1.25e6)
    [link] = found["links"]
    assert 1.0 <= link["there"] / (4 * 2**20) < 1.5
    assert "The link between sites 1 and 2 carried the document 1." in out
    assert (tmp / "out" / "figures" / "links.png").exists()


def namespaces(process: subprocess.Popen[str]) -> list[str]:
    """Those of the laboratories of ``process``."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in listed.splitlines() if line.startswith(f"p2plab-{process.pid}-")]


@needs_root
def test_an_experiment_in_network_namespaces(tmp: Path) -> None:
    lab = ("--lab", "netns", "--up", "40Mbit", "--down", "100Mbit")
    process = start(tmp, "task1", "--peers", "3", "--files", "6", *lab, "--slow", "peer2=20Mbit")
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, ""), out
    assert namespaces(process) == []
    assert_nothing_left(tmp)
    [found] = results(tmp)
    assert found["verified"] == found["expected"]
    assert {transfer["source"] for transfer in found["transfers"]} == {"peer1"}
    assert "network namespaces" in json.loads((tmp / "out/results.json").read_text("utf-8"))["setting"]["links"]


@needs_root
@pytest.mark.parametrize("moment", ["run", "progress"])
def test_ctrl_c_leaves_no_namespace(tmp: Path, moment: str) -> None:
    process = start(tmp, *ENDLESS, "--lab", "netns", "--events")
    _, err = stop_when(process, lambda events: events[-1] == moment, signal.SIGINT)
    assert (process.returncode, err.count("\n")) == (7, 1), err
    assert namespaces(process) == []
    assert_nothing_left(tmp)


@needs_root
def test_a_tool_that_fails_is_one_line_with_another_way(tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp / "tc").write_text("#!/bin/sh\necho 'Error: Specified qdisc kind is unknown.' >&2\nexit 2\n")
    (tmp / "tc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp}:{os.environ['PATH']}")
    result = p2p("experiment", "swarm", "--lab", "netns", "--out", tmp / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    assert line.startswith("p2p: tc -n p2plab-")
    assert line.endswith("modprobe -a veth bridge sch_tbf; --lab loopback works without it")


def test_a_folder_that_is_not_empty_is_refused(tmp: Path) -> None:
    (tmp / "notes.txt").write_text("mine")
    result = p2p("experiment", "swarm", "--out", tmp)
    assert (result.exit_code, result.stdout) == (11, "")
    assert result.stderr == f"p2p: {tmp} is not empty; name another folder with --out\n"
    assert [path.name for path in tmp.iterdir()] == ["notes.txt"]


BAD = {
    ("swarm", "--kill", "peer9@5s"): "there is no peer9 among 6 peers",
    ("swarm", "--kill", "somebody@5s"): "'somebody@5s' is not a kill such as source@30% (of all bytes) or peer3@5s",
    ("swarm", "--kill", "peer3@5"): "'peer3@5' is not a kill such as source@30% (of all bytes) or peer3@5s",
    ("swarm", "--slow", "peer7=1Mbit"): "there is no peer7 among 6 peers",
    ("swarm", "--liar", "source"): "peer1 is the source and cannot be corrupt",
    ("swarm", "--churn", "0s"): "'0s' is not a time such as 10s",
    ("swarm", "--up", "none"): "an experiment needs links with a rate",
    ("task1", "--fetch", "61"): "a peer can fetch 1 to 60 documents here, not 61",
    ("task2-best", "--files", "5"): "5 documents cannot be dealt to 6 peers",
    ("task1", "--corpus", "no-such-folder"): "Directory 'no-such-folder' does not exist.",
    ("task1", "--peers", "2", "--kill", "peer2@5s"): "in task1 all downloaders are killed",
    ("sites", "--sites", "4"): "an experiment has from 2 to 10 sites",
    ("sites", "--sites", "4+x"): "'4+x' is not a list such as 4+4, of the numbers of peers at each site",
    ("sites", "--sites", "100+101"): "there can be 200 peers at most",
    ("scale", "--peers", "1,2"): "'1,2' is not a list such as 2,4,8, of numbers from 2 to 200",
}


@pytest.mark.parametrize(("arguments", "message"), BAD.items(), ids=[" ".join(words) for words in BAD])
def test_bad_input_is_one_clear_line(tmp: Path, arguments: Sequence[str], message: str) -> None:
    result = p2p("experiment", *arguments, "--out", tmp / "out")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert result.stderr.splitlines()[-1].endswith(message)
    assert not (tmp / "out").exists()


def test_a_corpus_with_too_few_documents(tmp: Path) -> None:
    corpus = tmp / "corpus"
    corpus.mkdir()
    for name in ("one.txt", "two.txt", ".hidden", "three.txt.part"):
        (corpus / name).write_text("words\n")
    result = p2p("experiment", "task1", "--corpus", corpus, "--out", tmp / "out")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: {corpus} has 2 documents, not 60"
    assert not (tmp / "out").exists()


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="there is no /proc here")
def test_a_run_that_the_processors_paced_is_refused(tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp))
    monkeypatch.setattr(suite, "BUSY_SHARE", -1.0)
    result = p2p("experiment", "task1", "--peers", 2, "--files", 2, "--cpu-check", "--out", tmp / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    assert line.startswith("p2p: task1 refused: the processors were ")
    assert line.endswith("try slower links, fewer peers, or a machine with less to do")
    assert_nothing_left(tmp)
    assert not (tmp / "out").exists()


def test_without_root_there_are_no_namespaces(tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = p2p("experiment", "swarm", "--lab", "netns", "--out", tmp / "out")
    assert result.exit_code == 1
    assert result.stderr == "p2p: network namespaces need root: run this as root (sudo)\n"
    assert not (tmp / "out").exists()
