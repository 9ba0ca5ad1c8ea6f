"""Each wrong client is found by the check that is about its fault; honest ones pass: a student's, and our own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from p2p_twisted.check.client import CHECKS
from p2p_twisted.check.client.client import Client, run
from p2p_twisted.check.client.trial import Order
from p2p_twisted.check.model import Result, Verdict
from p2p_twisted.check.profile_files import load

SCRIPT = Path(__file__).parents[1] / "servers" / "student_client.py"
STUDENT = (sys.executable, str(SCRIPT), "{host}", "{rs_port}", "{port}", "{dir}", "{document}")
OWN = (str(Path(sys.executable).with_name("p2p")), "get", "--rs", "{rs}", "--state-dir", "{dir}/s", "-o", "{dir}/o")
PLAIN = tuple(check.id for check in CHECKS if check.group == "client" and check.id != "comes-back")


def judge(command: Sequence[str], only: Sequence[str]) -> dict[str, Result]:
    """Run the checks `only` of the client that `command` starts."""
    chosen = [check for check in CHECKS if check.id in only]
    with Client(Order(load("1.0"), command, 15.0)) as client:
        return {result.id: result for result in run(chosen, client)}


def by(verdict: Verdict, results: dict[str, Result]) -> set[str]:
    return {result.id for result in results.values() if result.verdict is verdict}


def test_an_honest_client_passes() -> None:
    results = judge(STUDENT, [check.id for check in CHECKS])
    assert {id_: result.seen for id_, result in results.items() if result.verdict is Verdict.FAIL} == {}
    assert by(Verdict.UNKNOWN, results) == {"can-be-reached", "renews"}  # it ends, and no TTL is set
    assert results["requests"].transcript and not any(result.bad for result in results.values())


@pytest.mark.parametrize(
    ("fault", "found", "more"),
    [
        ("no-end", "requests", ()),
        ("other-cookie", "own-cookie", ()),
        ("wrong-name", "asks-file", ()),
        ("one-read", "answers-in-parts", ("answers-in-parts",)),
        ("no-list", "nobody-else", ("nobody-else",)),
        ("no-status", "register-refused", ("register-refused",)),
        ("no-next", "peer-gone", ("peer-gone",)),
        ("no-next", "holder-gone", ("holder-gone",)),
    ],
)
def test_a_wrong_client_is_found_by_the_check_about_it(fault: str, found: str, more: tuple[str, ...]) -> None:
    results = judge([*STUDENT, fault], [*PLAIN, *more])
    mandatory = {result.id for result in results.values() if result.mandatory}
    assert by(Verdict.FAIL, results) & mandatory == {found}


def test_a_client_that_does_not_leave() -> None:
    assert by(Verdict.UNKNOWN, judge([*STUDENT, "no-leave"], ["leaves"])) == {"leaves"}


def test_a_command_that_does_nothing() -> None:
    results = judge([sys.executable, "-c", "print('give me an address')"], PLAIN)
    assert by(Verdict.FAIL, results) == {"connects"}
    assert "give me an address" in results["connects"].seen
    assert by(Verdict.UNKNOWN, results) == {*PLAIN} - {"connects"}


def test_a_command_that_is_not_there() -> None:
    results = judge(["/nowhere/client"], ["connects"])
    assert results["connects"].verdict is Verdict.UNKNOWN
    assert results["connects"].seen == "cannot run /nowhere/client: No such file or directory"


def test_our_own_client_passes() -> None:
    results = judge([*OWN, "{document}"], [*PLAIN, "holder-gone"])
    assert {id_: result.seen for id_, result in results.items() if result.bad} == {}
