"""Values of addresses for a while, of a bounded number."""

from __future__ import annotations

from twisted.internet.task import Clock

from p2p_twisted.net.remembered import Remembered

HERE, THERE = ("10.0.0.1", 4001), ("10.0.0.2", 4002)


def test_a_value_is_forgotten_in_time() -> None:
    clock = Clock()
    remembered: Remembered[bool] = Remembered(clock.seconds, 10)
    remembered.put(HERE, False)
    clock.advance(9)
    remembered.put(THERE, True)
    assert (remembered.get(HERE), remembered.get(THERE)) == (False, True)
    clock.advance(1)
    assert (remembered.get(HERE), remembered.get(THERE)) == (None, True)


def test_a_value_can_be_changed_and_forgotten() -> None:
    remembered: Remembered[int] = Remembered(Clock().seconds, 10)
    remembered.put(HERE, 1)
    remembered.put(HERE, 2)
    assert remembered.get(HERE) == 2
    remembered.forget(HERE)
    remembered.forget(THERE)
    assert remembered.get(HERE) is None


def test_of_too_many_the_oldest_are_forgotten() -> None:
    remembered: Remembered[int] = Remembered(Clock().seconds, 10, most=3)
    for number in (1, 2, 3, 1, 4):
        remembered.put(("10.0.0.1", number), number)
    assert len(remembered) == 3
    assert [remembered.get(("10.0.0.1", number)) for number in (1, 2, 3, 4)] == [1, None, 3, 4]
