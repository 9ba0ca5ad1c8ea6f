"""The setting of an experiment, in words for the report."""

import sys
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.plan.design import Design
from p2p_twisted.experiment.plan.faults import Faults, Kill
from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.run import setting
from p2p_twisted.experiment.run.setting import describe
from p2p_twisted.experiment.run.suite import LARGE

LINKS = Links(2.5e6, 12.5e6)
MIB = 2**20


def design_of(*cases: tuple[str, int], **more: Any) -> Design:
    return Design(cases, LINKS, MIB, **more)


def test_the_setting_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = Faults([Kill("peer1", share=0.3), Kill("peer2", seconds=2.5)], {"peer3": 125_000.0}, ["peer4"], 10.0)
    design = design_of(("task1", 4), ("swarm", 4), faults=faults, random_seed=7, repeat=3)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/p2p", "experiment", "all"])
    said = describe(design, {"task1": {"b.txt": 1000, "a.txt": 2500}, "swarm": {LARGE: MIB}})
    assert said["command"] == "p2p experiment all"
    assert (said["peers"], said["repeats"], said["seed"]) == ("4", "3", "7")
    assert said["documents of task1"] == "2, 3,500 bytes together, a.txt to b.txt"
    assert said["documents of swarm"] == "1,048,576 bytes"
    assert said["links"].startswith("20 Mbit/s up, 100 Mbit/s down, on one machine")
    assert said["faults"] == (
        "peer1 killed at 30% of all bytes; peer2 killed at 2.5 s; peer3 at 1 Mbit/s; peer4 sends garbage; "
        "a peer killed and restarted every 10 s"
    )
    same = {"b.txt": 1000, "a.txt": 2500}
    assert describe(design, {"task1": same, "swarm": dict(same)})["documents"] == said["documents of task1"]
    assert describe(design_of(("central", 2), ("central", 8)), {})["peers"] == "2, 8"
    assert describe(design_of(("central", 2)), {})["faults"] == "none"


def test_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    described = setting.describe_machine()
    assert {"p2p_twisted", "Python", "system", "processors", "memory", "Twisted", "matplotlib"} == described.keys()
    assert all(described.values())
    monkeypatch.setattr(setting, "PROC", tmp_path)
    monkeypatch.setattr(setting, "PACKAGES", ("no-such-package-anywhere",))
    assert setting.describe_machine()["no-such-package-anywhere"] == "not installed"
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Some Processor: 3 GHz\nmodel name\t: other\n")
    assert setting.describe_machine()["processors"].endswith(", Some Processor: 3 GHz")
