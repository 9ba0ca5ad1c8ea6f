"""Each wrong peer is found by the check that is about its fault; honest ones pass: a small one, and our own."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from p2p_twisted.check.model import Result, Verdict
from p2p_twisted.check.peer import CHECKS
from p2p_twisted.check.peer.dialogue import PeerTarget, named
from p2p_twisted.check.profile_files import load
from p2p_twisted.check.runner import applicable, run
from tests.check.servers.central_peer import CentralPeer
from tests.check.servers.peer import HonestPeer
from tests.check.servers.wrong_peers import IgnoresRange, LeaksParent, NoNotFound, SpeaksOnly10, WrongLength
from tests.support.raw_sockets import system

FILES = {
    "rfc1149.txt": b"Avian carriers\nby D. Waitzman\n",
    "long.bin": bytes(range(256)) * 700,
    "README": b"Read me\n",
}
SLOW = {"dialects", "garbage", "follow", "broken-off"}
"""Checks that wait for silence: not run where they are not the matter."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    share = tmp_path / "share"
    share.mkdir()
    for name, content in FILES.items():
        (share / name).write_bytes(content)
    return share


def judge(port: int, profile: str, but: Collection[str] = (), document: str = "") -> dict[str, Result]:
    """Run all checks of a peer but some; return the results by id."""
    spoken = load(profile)
    checks = [check for check in applicable(CHECKS, spoken) if check.id not in but]
    target = PeerTarget("127.0.0.1", port, spoken, timeout=5, document=document)
    return {result.id: result for result in run(checks, target)}


def by(verdict: Verdict, results: dict[str, Result]) -> set[str]:
    return {result.id for result in results.values() if result.verdict is verdict and result.mandatory}


@pytest.mark.parametrize("profile", ["1.0", "1.1"])
def test_an_honest_peer_passes(folder: Path, profile: str) -> None:
    with HonestPeer(folder) as peer:
        results = judge(peer.port, profile, SLOW)
    assert [(result.id, result.seen) for result in results.values() if result.bad] == []


@pytest.mark.parametrize(
    ("kind", "profile", "found", "unknown"),
    [
        (LeaksParent, "1.0", {"names-parent", "names-absolute"}, set()),
        (NoNotFound, "1.0", {"file-unknown"}, {"refusal-reason"}),
        (WrongLength, "1.1", {"length"}, {"kept-open", "pipelined", "many-outstanding", "last-in-1.0"}),
        (SpeaksOnly10, "1.1", {"answers-in-1.1"}, {"length", "range", "pieces", "hello"}),
        (IgnoresRange, "1.1", {"range"}, {"range-head", "range-beyond"}),
    ],
)
def test_a_wrong_peer_is_found_by_the_check_about_it(
    folder: Path, kind: type[HonestPeer], profile: str, found: set[str], unknown: set[str]
) -> None:
    with kind(folder) as peer:
        results = judge(peer.port, profile, SLOW)
    assert by(Verdict.FAIL, results) == found
    assert by(Verdict.UNKNOWN, results) >= unknown


def test_our_own_peer_passes() -> None:
    """By 1.1, which includes all checks of 1.0, and by the handout."""
    with system([FILES]) as running_system:
        for profile, but in (("1.1", ()), ("p2p-di", SLOW)):
            results = judge(running_system.peers[0], profile, but)
            assert {id_: result.seen for id_, result in results.items() if not result.passed} == {}, profile


def test_a_peer_of_a_central_index_passes() -> None:
    spoken = load("p2p-ci")
    checks = [check for check in applicable(CHECKS, spoken) if check.id not in SLOW]
    with CentralPeer({1149: b"Avian carriers\r\n"}) as peer:
        fields = dict(named("RFC 1149").fields)
        target = PeerTarget("127.0.0.1", peer.port, spoken, 5, sample="file", fields=fields, document="RFC 1149")
        results = list(run(checks, target))
    assert [(result.id, result.seen) for result in results if result.bad] == []
