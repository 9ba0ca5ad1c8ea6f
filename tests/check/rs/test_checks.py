"""Each wrong RS is found by the check about its fault, and blamed for nothing else mandatory; honest ones pass."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from p2p_twisted.check.model import Check, Result, Verdict
from p2p_twisted.check.profile_files import load
from p2p_twisted.check.rs import CHECKS
from p2p_twisted.check.runner import applicable, is_there, run
from p2p_twisted.check.server import Server, Target
from tests.check.servers import handouts, wrong_rs, wrong_rs_11
from tests.check.servers.base import Server as PlainServer
from tests.check.servers.wrong_rs import HonestRS
from tests.support.rs_process import RSProcess, free_port

pytestmark = pytest.mark.slow

TIMEOUT, TTL = 2.0, 2
"""Seconds: only a server that is wrong is waited for so long, so that a slow machine does not look like one."""
STUDENT = Path(__file__).parents[1] / "servers" / "student_rs.py"
FAULTS: Mapping[type[HonestRS], set[str]] = {
    wrong_rs.HonestRS: set(),
    wrong_rs.WrongStatusLine: {"status-line"},
    wrong_rs.NoEmptyLine: {"empty-line"},
    wrong_rs.CookieReused: {"cookie-unique"},
    wrong_rs.OnlyAfterEof: {"without-eof"},
    wrong_rs.OneAtATime: {"two-at-once", "stalled-client", "silent-connections"},
    wrong_rs.NeverRenewed: {"ttl-keepalive", "ttl-pquery", "ttl-revives"},
    wrong_rs.ListsThoseWhoLeft: {"left-not-listed"},
    wrong_rs.DiesOfGarbage: {"garbage"},
    wrong_rs.OneRead: {"two-at-once", "stalled-client", "byte-by-byte", "cut-anywhere"},
    wrong_rs.KeepsOpen: {"closes"},
    wrong_rs.ForeignCookie: {"unknown-cookie"},
    wrong_rs.AnyPort: {"keepalive-stranger", "pquery-stranger", "leave-stranger"},
    wrong_rs.CrLf: {"line-ends"},
    wrong_rs.HidesAsker: {"pquery-asker"},
}
"""A wrong server of 1.0 -> the mandatory checks that find it."""
FAULTS_1_1: Mapping[type[HonestRS], set[str]] = {
    wrong_rs_11.HonestRS11: set(),
    wrong_rs_11.LengthTooShort: {"length"},
    wrong_rs_11.ClosesEach: {"kept-open"},
    wrong_rs_11.GoesOnAfter300: {"closes-after-300"},
    wrong_rs_11.KeepsOldOpen: {"last-in-1.0"},
    wrong_rs_11.IgnoresLimit: {"limit"},
    wrong_rs_11.AfterIncluded: {"parts"},
    wrong_rs_11.SameSample: {"sample"},
    wrong_rs_11.NarrowCookies: {"wide-cookies"},
    wrong_rs_11.NoRetryAfter: {"retry-after"},
    wrong_rs_11.AnyHeader: {"bad-headers"},
    wrong_rs_11.RefusesUnknown: {"unknown-header"},
    wrong_rs_11.AlwaysOld: {"answers-in-1.1"},
}
"""A wrong server of 1.1 -> the mandatory checks of 1.1 that find it."""
HANDOUTS: Mapping[type[PlainServer], tuple[str, str, set[str]]] = {
    handouts.CentralServer: ("p2p-ci", "list", {"strict"}),
    handouts.HandoutRS: ("p2p-di", "register", {"address-taken", "spellings", "strict"}),
}
"""An honest server of a handout -> its profile, the message that anybody may send, and the optional checks it fails."""
MANY_ANSWERS = {"cut-anywhere", "many-at-once"}
"""Checks that take long where an answer is over when nothing more comes."""
OPTIONAL_OF_THE_STUDENT = {"strict", "address-taken"}

Results = dict[str, Result]


def judge(
    port: int, profile: str = "1.0", ttl: float | None = None, only: str = "", sample: str = "register"
) -> Results:
    found, used = load(profile), set[int]()
    but = MANY_ANSWERS if found.end == "quiet" else set()
    checks = [check for check in applicable(CHECKS, found) if only in ("", check.group) and check.id not in but]
    waiting = [check for check in checks if check.group == "ttl" and ttl is not None]
    at_once = [[check for check in checks if check not in waiting], *([check] for check in waiting)]

    def part(some: list[Check[Server]]) -> Results:
        target = Target("127.0.0.1", port, found, TIMEOUT, ttl, sample=sample, used_ports=used)
        return {result.id: result for result in run(some, target)}

    with ThreadPoolExecutor(len(at_once)) as pool:
        return {id_: result for results in pool.map(part, at_once) for id_, result in results.items()}


def judge_wrong(kind: type[HonestRS]) -> Results:
    timed = kind is wrong_rs.NeverRenewed
    with kind(TTL) if timed else kind() as server:
        only = "messages" if kind is wrong_rs.KeepsOpen else ""  # it is waited for after each answer
        return judge(server.port, ttl=TTL if timed else None, only=only)


def judge_wrong_11(kind: type[HonestRS]) -> Results:
    with kind() as server:
        return judge(server.port, "1.1", only="extensions")


def judge_handout(kind: type[PlainServer]) -> Results:
    profile, sample, _ = HANDOUTS[kind]
    with kind() as server:
        return judge(server.port, profile, sample=sample)


def judge_student(port: int) -> Results:
    command = [sys.executable, str(STUDENT), str(port), str(TTL)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while not is_there(Target("127.0.0.1", port, load("1.0"))) and time.monotonic() < deadline:
                time.sleep(0.05)
            return judge(port, ttl=TTL)
        finally:
            process.kill()


def judge_own(port: int, folder: Path) -> Results:
    with RSProcess(folder, "--ttl", str(TTL), port=port) as rs:
        return judge(rs.port, "1.1", TTL)


Judged = Mapping[object, "Future[Results]"]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """All servers at once: a run waits most of its time."""
    jobs: dict[object, Callable[[], Results]] = {
        "own": partial(judge_own, free_port(), tmp_path_factory.mktemp("own")),
        "student": partial(judge_student, free_port()),
        **{kind: partial(judge_wrong, kind) for kind in FAULTS},
        **{kind: partial(judge_wrong_11, kind) for kind in FAULTS_1_1},
        **{kind: partial(judge_handout, kind) for kind in HANDOUTS},
    }
    with ThreadPoolExecutor(len(jobs)) as pool:
        yield {name: pool.submit(job) for name, job in jobs.items()}


def failed(results: Results) -> dict[str, str]:
    """Return the mandatory checks that failed, and what they saw."""
    return {id_: one.seen for id_, one in results.items() if one.mandatory and one.verdict is Verdict.FAIL}


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
def test_each_fault_is_found_by_its_check_alone(kind: type[HonestRS], judged: Judged) -> None:
    results = judged[kind].result()
    found = set(failed(results))
    if kind is wrong_rs.OneRead:  # on a busy machine all of a request may have come before it reads
        assert found and found <= FAULTS[kind], failed(results)
    else:
        assert found == FAULTS[kind], failed(results)
    assert all(one.seen and one.mend for one in results.values() if one.verdict is Verdict.FAIL)


@pytest.mark.parametrize("kind", FAULTS_1_1, ids=lambda kind: kind.__name__)
def test_each_fault_of_1_1_is_found_by_its_check_alone(kind: type[HonestRS], judged: Judged) -> None:
    results = judged[kind].result()
    assert set(failed(results)) == FAULTS_1_1[kind], failed(results)


def test_after_the_death_of_a_server_the_rest_is_not_told(judged: Judged) -> None:
    results = list(judged[wrong_rs.DiesOfGarbage].result().values())
    at = next(i for i, result in enumerate(results) if result.id == "garbage")
    assert "takes no connections any more" in results[at].seen
    assert results[at + 1 :]
    assert all(one.verdict is Verdict.UNKNOWN and "garbage" in one.seen for one in results[at + 1 :])


@pytest.mark.parametrize("kind", HANDOUTS, ids=lambda kind: kind.__name__)
def test_an_honest_server_of_a_handout_passes(kind: type[PlainServer], judged: Judged) -> None:
    results = judged[kind].result()
    assert {id_ for id_, one in results.items() if not one.passed and one.group != "ttl"} == HANDOUTS[kind][2]
    assert not any(one.bad for one in results.values())
    assert len(results) > 20


def test_the_rs_of_this_project_passes_everything(judged: Judged) -> None:
    results = judged["own"].result()
    assert {id_: one.seen for id_, one in results.items() if not one.passed} == {}
    assert {one.group for one in results.values()} >= {"extensions", "ttl", "state"}


def test_a_minimal_rs_of_a_student_passes(judged: Judged) -> None:
    results = judged["student"].result()
    assert {id_ for id_, one in results.items() if not one.passed} == OPTIONAL_OF_THE_STUDENT
    assert not any(one.bad for one in results.values())
    assert len(STUDENT.read_text("utf-8").splitlines()) <= 80
