"""Experiments that end before a process is started, and what a report says of their setting."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.corpus.samples import make_corpus
from p2p_twisted.experiment.plan.design import Design
from p2p_twisted.experiment.plan.faults import Faults, Kill
from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.plan.orders import Plan
from p2p_twisted.experiment.run import places
from p2p_twisted.experiment.run.iproute import PlaceError
from p2p_twisted.experiment.run.places import Place, on_loopback
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.experiment.run.processors import BUSY_SHARE
from p2p_twisted.experiment.run.suite import LARGE, ProcessorsBusy, Suite
from tests.support.made_results import run_of

LINKS = Links(2.5e6, 12.5e6)
MIB = 2**20


def design_of(*cases: tuple[str, int], **more: Any) -> Design:
    return Design(cases, LINKS, MIB, **more)


class StartedSuite:
    """A suite at a place where nothing can be started, and what it was about to do when it found that out."""

    def __init__(self, design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plans: list[tuple[Plan, int]] = []
        self.links: list[Links] = []
        self.suite = Suite(design, self.on_run)
        monkeypatch.setitem(places.PLACES, "loopback", self.nowhere)

    def on_run(self, plan: Plan, repeat: int) -> Any:
        self.plans.append((plan, repeat))
        return lambda samples, events: None

    @contextmanager
    def nowhere(self, links: Links, peers: int) -> Iterator[Place]:
        self.links.append(links)
        with on_loopback(links, peers) as real:
            yield Place(Nowhere(), real.options)

    def run(self, out: Path) -> None:
        with pytest.raises(ClusterError, match="nowhere to run"):
            self.suite.run(out)
        assert self.suite.runs == []
        assert list(out.iterdir()) == []


class Nowhere:
    """A place without a free port."""

    def address(self, role: str) -> str:
        return "127.0.0.1"

    def port(self, role: str) -> int:
        raise ClusterError("nowhere to run")

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> Any:
        raise AssertionError("there is no port")


def test_plans_are_made_of_documents_that_the_seed_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for random_seed in (3, 3, 4):
        started = StartedSuite(design_of(("task1", 3), files=6, random_seed=random_seed), monkeypatch)
        started.run(tmp_path)
        [(plan, repeat)] = started.plans
        assert (plan.task, repeat, len(plan.sizes)) == ("task1", 1, 6)
        found.append((plan.sizes, plan.wanted))
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]
    assert found[0][1] != found[2][1]


def test_the_last_documents_of_a_corpus_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    out.mkdir()
    paths = make_corpus(corpus, 9)
    started = StartedSuite(design_of(("task2-best", 3), files=6, corpus=corpus), monkeypatch)
    started.run(out)
    assert started.plans[0][0].sizes == {path.name: path.stat().st_size for path in paths[3:]}
    assert started.suite.results.setting["documents of task2-best"].startswith("6, ")


@pytest.mark.parametrize(("task", "swarm"), [("swarm", True), ("central", False)])
def test_a_run_with_one_large_document(task: str, swarm: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = StartedSuite(design_of((task, 3)), monkeypatch)
    started.run(tmp_path)
    [(plan, _)] = started.plans
    assert (plan.sizes, plan.swarm) == ({LARGE: MIB}, swarm)
    assert plan.holdings == {"peer1": (LARGE,), "peer2": (), "peer3": ()}


def test_a_document_may_be_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = StartedSuite(Design([("swarm", 2)], LINKS, 256 * MIB), monkeypatch)
    started.run(tmp_path)
    assert started.plans[0][0].sizes == {LARGE: 256 * MIB}


def test_corrupt_peers_take_no_part_in_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = StartedSuite(design_of(("swarm", 4), faults=Faults(corrupt=["peer3"], slow={"peer2": 9.0})), monkeypatch)
    started.run(tmp_path)
    assert list(started.plans[0][0].holdings) == ["peer1", "peer2", "peer4"]
    assert started.links == [Links(2.5e6, 12.5e6, {"peer2": 9.0})]


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (design_of(("task2-best", 6), files=5), "5 documents cannot be dealt to 6 peers"),
        (design_of(("task1", 3), files=6, fetch=7), "1 to 6 documents here, not 7"),
        (design_of(("swarm", 3), faults=Faults([Kill("peer4", seconds=1)])), "no peer4 among 3 peers"),
        (design_of(("swarm", 3), faults=Faults(slow={"peer9": 1.0})), "no peer9 among 3 peers"),
        (design_of(("swarm", 3), faults=Faults(corrupt=["peer1"])), "peer1 is the source"),
        (design_of(("swarm", 3), faults=Faults(corrupt=["peer2", "peer3"])), "at least two peers must be honest"),
        (design_of(("swarm", 3), ("task1", 3), files=6, fetch=60), "not 60"),
    ],
)
def test_impossible_runs_are_refused_before_the_first_starts(
    design: Design, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = StartedSuite(design, monkeypatch)
    with pytest.raises(ValueError, match=message):
        started.suite.run(tmp_path)
    assert started.plans == []


def test_a_corpus_with_too_few_documents_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_corpus(tmp_path / "corpus", 4)
    started = StartedSuite(design_of(("task1", 3), files=6, corpus=tmp_path / "corpus"), monkeypatch)
    with pytest.raises(ValueError, match="corpus has 4 documents, not 6"):
        started.suite.run(tmp_path)


def test_empty_documents_are_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        (tmp_path / f"empty{number}.txt").touch()
    started = StartedSuite(design_of(("task1", 3), files=6, corpus=tmp_path), monkeypatch)
    with pytest.raises(ValueError, match="are empty"):
        started.suite.run(tmp_path)
    assert started.plans == []


def test_no_run_starts_without_network_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    started = StartedSuite(design_of(("swarm", 2), place="netns"), monkeypatch)
    with pytest.raises(PlaceError, match="need root"):
        started.suite.run(tmp_path)


def checked(cpu_check: bool, **busy: Any) -> None:
    design = Design([("task1", 4)], Links(1e6, 1e6), 1, cpu_check=cpu_check)
    run = run_of("task1", 9.0, **busy)
    assert Suite(design, lambda plan, repeat: lambda samples, events: None)._checked(run) is run


@pytest.mark.parametrize("busy", [None, 0.0, BUSY_SHARE])
def test_a_run_that_the_links_paced_passes(busy: float | None) -> None:
    checked(True, busy=busy, busiest=busy)


@pytest.mark.parametrize(
    ("busy", "said"),
    [
        ({"busy": BUSY_SHARE + 0.02, "busiest": 0.1}, "task1 refused: the processors were 87% busy"),
        ({"busy": 0.5, "busiest": 0.97}, "task1 refused: a peer kept a processor 97% busy"),
    ],
)
def test_a_run_that_the_processors_paced_is_refused(busy: dict[str, float], said: str) -> None:
    checked(False, **busy)
    with pytest.raises(ProcessorsBusy, match=f"{said}, so they, not the links, may have set the pace; try") as refused:
        checked(True, **busy)
    assert "\n" not in str(refused.value)
