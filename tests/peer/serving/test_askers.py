"""Who is named to those that look for the sources of a file."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from p2p_twisted.peer.serving.askers import MAX_ASKERS, MAX_FILES, MAX_NAMED, MAX_OF_HOST, REMEMBERED_FOR, Askers
from p2p_twisted.wire.address import Address

ONE, OTHER = "a" * 64, "b" * 64


def at(number: int) -> Address:
    return f"10.0.{number // 250}.{number % 250 + 1}", 4000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def askers(clock: Clock) -> Askers:
    return Askers(clock.seconds)


def test_each_is_told_of_the_others_that_asked_for_the_same_file(askers: Askers) -> None:
    assert askers.ask(ONE, at(1)) == []
    assert askers.ask(OTHER, at(9)) == []
    assert askers.ask(ONE, at(2)) == [at(1)]
    assert askers.ask(ONE, at(1)) == [at(2)]
    assert askers.ask(ONE, at(3)) == [at(1), at(2)]


def test_some_of_the_last_by_chance(askers: Askers) -> None:
    for number in range(MAX_ASKERS + 10):
        askers.ask(ONE, at(number))
    told = [askers.ask(ONE, at(9999)) for _ in range(60)]
    assert {len(one) for one in told} == {MAX_NAMED} and all(one == sorted(set(one)) for one in told)
    seen = {address for one in told for address in one}
    assert seen <= {at(number) for number in range(10, MAX_ASKERS + 10)} and len(seen) > MAX_ASKERS * 0.9


def test_who_has_not_asked_for_long_is_not_named(askers: Askers, clock: Clock) -> None:
    askers.ask(ONE, at(1))
    clock.advance(REMEMBERED_FOR - 1)
    assert askers.ask(ONE, at(2)) == [at(1)]
    clock.advance(1)
    assert askers.ask(ONE, at(3)) == [at(2)]


def test_one_host_has_few_places(askers: Askers) -> None:
    askers.ask(ONE, at(1))
    for port in range(1000):
        askers.ask(ONE, ("10.9.9.9", 5000 + port))
    told = askers.ask(ONE, at(2))
    assert at(1) in told and len(told) == MAX_OF_HOST + 1


def test_the_files_are_bounded_in_number(askers: Askers) -> None:
    for number in range(MAX_FILES + 1):
        askers.ask(f"{number:064}", at(1))
    assert askers.ask(f"{0:064}", at(2)) == []
    assert askers.ask(f"{MAX_FILES:064}", at(2)) == [at(1)]
