"""When a swarm counts as starving, and how much is tried then."""

from __future__ import annotations

from p2p_twisted.swarm.picker import ENDGAME_COPIES
from p2p_twisted.swarm.starvation import FIRST_OF_MANY, FIRST_STEPS, LATER_STEPS, MANY, MIN_RECEIVED, Starvation


def steps_until(starvation: Starvation, received: int, sources: int) -> int:
    """Return the steps without anything new until it starves."""
    for step in range(1, 100):
        starvation.step(received, sources)
        if starvation.level:
            return step
    return 0


def test_the_sooner_the_more_sources_there_are() -> None:
    assert steps_until(Starvation(), 0, MANY + 1) == FIRST_OF_MANY
    assert steps_until(Starvation(), 0, MANY) == FIRST_STEPS
    assert steps_until(Starvation(), 0, 1) == 0, "there is nobody else to try"


def test_it_takes_longer_once_something_has_come() -> None:
    starvation = Starvation()
    starvation.step(MIN_RECEIVED, MANY + 1)
    assert steps_until(starvation, MIN_RECEIVED, MANY + 1) == LATER_STEPS


def test_it_grows_and_ends_with_the_first_bytes() -> None:
    starvation = Starvation()
    assert (starvation.copies, starvation.has_been) == (ENDGAME_COPIES, False)
    steps_until(starvation, 0, MANY + 1)
    copies = [starvation.copies]
    for _ in range(4):
        starvation.step(0, MANY + 1)
        copies.append(starvation.copies)
    assert copies == [8, 32, 128, 512, 1024]
    starvation.step(MIN_RECEIVED, MANY + 1)
    assert (starvation.level, starvation.copies, starvation.has_been) == (0, ENDGAME_COPIES, True)


def test_a_byte_now_and_then_does_not_end_it() -> None:
    starvation = Starvation()
    for step in range(20):
        starvation.step(step, MANY + 1)
    assert starvation.level > 10


def test_while_nothing_is_to_come_nothing_is_missed() -> None:
    starvation = Starvation()
    starvation.step(0, MANY + 1)
    starvation.rest()
    assert steps_until(starvation, 0, MANY + 1) == FIRST_OF_MANY
