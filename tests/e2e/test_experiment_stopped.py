"""``p2p experiment`` that is interrupted, in network namespaces, or refused: nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from p2p_twisted.experiment.run import captures, suite
from p2p_twisted.experiment.run.captures import capture_tool
from tests.support.experiment_command import (
    ENDLESS,
    PER_TASK,
    TIMEOUT,
    assert_figures,
    assert_nothing_left,
    results,
    start,
    stop_when,
    temporary,
)
from tests.support.p2p_command import p2p

from ..experiment.run.test_netns import needs_root

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
pytest.importorskip("jinja2", reason="Jinja2 is not installed")


@pytest.fixture
def tmp() -> Iterator[Path]:
    with temporary() as folder:
        yield folder


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


def namespaces(process: subprocess.Popen[str]) -> list[str]:
    """Those of the laboratories of ``process``."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in listed.splitlines() if line.startswith(f"p2plab-{process.pid}-")]


@needs_root
def test_an_experiment_in_network_namespaces(tmp: Path) -> None:
    lab = ["--lab", "netns", "--up", "40Mbit", "--down", "100Mbit"]
    if capture_tool():
        lab.append("--pcap")
    process = start(tmp, "task1", "--peers", "3", "--files", "6", *lab, "--slow", "peer2=20Mbit")
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, ""), out
    assert namespaces(process) == []
    assert_nothing_left(tmp)
    [found] = results(tmp)
    assert found["verified"] == found["expected"]
    assert {transfer["source"] for transfer in found["transfers"]} == {"peer1"}
    assert "network namespaces" in json.loads((tmp / "out/results.json").read_text("utf-8"))["setting"]["links"]
    if capture_tool():
        report = (tmp / "out/report.html").read_text("utf-8")
        assert [Path(path).stem for path in found["captures"]] == ["rs", "peer1", "peer2", "peer3"]
        assert all((tmp / "out" / path).stat().st_size > 1000 for path in found["captures"])
        assert all(f'href="{path}"' in report for path in found["captures"])


def test_captures_need_the_cables_of_namespaces_and_a_program(tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = p2p("experiment", "swarm", "--pcap", "--out", tmp / "out")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith("and --lab loopback has none: add --lab netns (root)")
    monkeypatch.setattr(captures, "TOOLS", ())
    result = p2p("experiment", "swarm", "--pcap", "--lab", "netns", "--out", tmp / "out")
    assert result.exit_code == 2
    assert "install one of them" in result.stderr.splitlines()[-1]
    assert not (tmp / "out").exists()


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
