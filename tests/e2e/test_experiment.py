"""``p2p experiment`` with real peers: its results, and its faults."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.experiment_command import (
    PER_TASK,
    assert_figures,
    results,
    run,
    temporary,
)

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
pytest.importorskip("jinja2", reason="Jinja2 is not installed")

SMALL = ("--peers", "4", "--files", "12", "--size", "1", "--up", "80Mbit", "--down", "400Mbit")
SWARM = ("swarm", "--size", "2", "--up", "8Mbit", "--down", "100Mbit", "--peers")
TASKS = ["task1", "task1-swarm", "task2-worst", "task2-best", "task2-swarm"]


@pytest.fixture
def tmp() -> Iterator[Path]:
    with temporary() as folder:
        yield folder


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


def test_links_of_different_rates_and_arrivals(tmp: Path) -> None:
    links = ("--up-spread", "8Mbit..80Mbit", "--up", "peer3=4Mbit", "--down", "400Mbit", "--arrive", "0.5s")
    out = run(tmp, "swarm", "--peers", 4, "--size", 1, *links)
    [found] = results(tmp)
    assert found["verified"] == found["expected"] == 4
    assert found["ups"]["peer3"] == 500_000
    assert len(set(found["ups"].values())) == 4
    assert set(found["downs"].values()) == {50e6}
    assert [found["began"][role] >= arrival for role, arrival in (("peer2", 0), ("peer3", 0.5), ("peer4", 1))] == [
        True
    ] * 3
    assert found["bound"] > 1.0
    assert "downloaders arrived one every 0.5 s" in out
