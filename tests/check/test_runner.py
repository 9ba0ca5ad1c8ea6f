"""Checks are run in order; whatever a server does, each has a result."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from p2p_twisted.check.model import CannotTell, Check, Failed, NotOffered, Result, Verdict
from p2p_twisted.check.profile import Profile
from p2p_twisted.check.profile_files import load
from p2p_twisted.check.rs import CHECKS
from p2p_twisted.check.runner import applicable, is_there, run
from p2p_twisted.check.server import Server, Target
from tests.check.servers.base import Server as Base
from tests.check.servers.canned import Canned
from tests.check.servers.wrong_rs import HonestRS

OLD, NEW = load("1.0"), load("1.1")


def a_check(run_: Callable[[Server], None], id_: str = "x", **fields: Any) -> Check[Server]:
    made: Check[Server] = Check(id_, "group", "title", "Section", run_)
    return replace(made, **fields)


def passes(server: Server) -> None:
    server.expect("register", port=server.new_port())


def judge(server: Base, *checks: Check[Server], profile: Profile = OLD, **fields: Any) -> list[Result]:
    return list(run(checks, Target("127.0.0.1", server.port, profile, **{"timeout": 5.0, **fields})))


def test_each_way_to_end() -> None:
    def raises(error: Exception) -> Callable[[Server], None]:
        def body(server: Server) -> None:
            raise error

        return body

    ends = [Failed("seen", "mend"), NotOffered("no"), CannotTell("perhaps")]
    with HonestRS() as server:
        found = judge(server, a_check(passes), *(a_check(raises(error)) for error in ends))
    assert [result.verdict for result in found] == list(Verdict)
    assert [result.seen for result in found] == ["", "seen", "no", "perhaps"]
    assert [result.bad for result in found] == [False, True, False, True]
    assert (found[0].transcript[0].event, found[1].mend) == ("opened", "mend")


def test_what_is_optional_does_not_count() -> None:
    def fails(server: Server) -> None:
        raise Failed("seen")

    with HonestRS() as server:
        skipped = replace(OLD, optional=frozenset({"x"}))
        assert not judge(server, a_check(fails), profile=skipped)[0].bad
        assert not judge(server, a_check(fails, mandatory=False))[0].bad
        needed = replace(OLD, required=frozenset({"x"}))
        assert judge(server, a_check(fails, mandatory=False), profile=needed)[0].bad


def test_a_check_is_over_at_its_deadline() -> None:
    with Canned(closes=False) as server:
        start = time.monotonic()
        [found] = judge(server, a_check(passes, deadline=0.3), timeout=60.0)
        assert found.verdict is Verdict.FAIL
        assert time.monotonic() - start < 30


def test_without_a_ttl_nothing_is_waited_for() -> None:
    def never(server: Server) -> None:
        raise AssertionError

    with HonestRS() as server:
        [found] = judge(server, a_check(never, ttls=2.0))
        assert (found.verdict, found.bad) == (Verdict.UNKNOWN, False)
        assert judge(server, a_check(passes, ttls=2.0), ttl=1.0)[0].passed


def test_the_check_in_which_a_server_died_is_named() -> None:
    with HonestRS() as server:

        def kills(at_once: Server) -> None:
            passes(at_once)
            server.die()
            passes(at_once)

        first, second, third = judge(server, a_check(passes, "a"), a_check(kills, "b"), a_check(passes, "c"))
    assert first.passed and second.verdict is Verdict.FAIL
    assert "takes no connections any more" in second.seen
    assert (third.verdict, third.seen) == (Verdict.UNKNOWN, "the server died in the check b")
    assert "--only c" in third.mend


def test_a_death_that_is_noticed_later_is_that_of_the_check_before() -> None:
    with HonestRS() as server:

        def kills(at_once: Server) -> None:
            server.die()

        found = judge(server, a_check(kills, "a"), a_check(passes, "b"), a_check(passes, "c"))
    assert [result.verdict for result in found] == [Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN]
    assert found[2].seen == "the server died in the check a"


def test_a_check_that_builds_on_one_that_failed_says_nothing() -> None:
    def fails(server: Server) -> None:
        raise Failed("seen")

    with HonestRS() as server:
        built = a_check(passes, "b", basis=("a",))
        _, without, beside = judge(server, a_check(fails, "a"), built, a_check(passes, "c", basis=("x",)))
        [alone] = judge(server, built)
    assert (without.verdict, without.seen) == (Verdict.UNKNOWN, "it builds on the check a, which failed")
    assert beside.passed and alone.passed


def test_checks_that_fit_a_profile() -> None:
    old, new = ({check.id for check in applicable(CHECKS, profile)} for profile in (OLD, NEW))
    assert old < new and "pipelined" in new - old and "add" not in new
    assert "add" in {check.id for check in applicable(CHECKS, load("p2p-ci"))}
    assert "closes" not in {check.id for check in applicable(CHECKS, replace(OLD, skip=frozenset({"closes"})))}


def test_ids_are_unique_and_every_check_says_what_is_right() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    ids = [check.id for check in CHECKS]
    assert all(id_ in ids[: ids.index(check.id)] for check in CHECKS for id_ in check.basis)
    assert all(not check.title[0].islower() and not check.title.endswith(".") and check.section for check in CHECKS)


def test_nobody_there() -> None:
    server = Canned()
    assert is_there(Target("127.0.0.1", server.port, OLD))
    server.die()
    assert not is_there(Target("127.0.0.1", server.port, OLD))


NOISE = random.Random(3).randbytes(3000)


@pytest.mark.parametrize("profile", ["1.1", "p2p-ci", "p2p-di"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        NOISE,
        b"200 OK P2P-CI/1.1\nLength: 9\n\ncookie:" + b"9" * 6000 + b"\n",
        "200 OK\nLength: \u0663\n\ncookie:\u0661\nh \u0664\n".encode(),
        b"P2P-DI/1.0 200 OK\r\n\r\ncookie:-1\r\nh 99999\r\n",
        b"200\n" + b"Host: h\n" * 2000,
    ],
    ids=["nothing", "noise", "digits", "arabic", "odd", "headers"],
)
def test_no_answer_makes_an_error_of_the_tester(profile: str, data: bytes) -> None:
    spoken = load(profile)
    slow = {"dialects", "garbage", "cut-anywhere", "byte-by-byte"}
    checks = [replace(check, deadline=1.0) for check in applicable(CHECKS, spoken) if check.id not in slow]
    with Canned(data) as server:
        sample = "register" if "register" in spoken.messages else "list"
        target = Target("127.0.0.1", server.port, spoken, timeout=0.2, sample=sample, late=False, stays_open=True)
        target.ttl = 0.1
        results = list(run(checks, target))
    assert len(results) == len(checks)
    assert any(result.bad for result in results)
