"""The deadlines against a plain dict, as time passes and some are renewed."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.deadlines import Deadlines

GRAIN = 3.0
steps = st.lists(st.tuples(st.sampled_from(["add", "renew", "pass"]), st.integers(0, 9), st.floats(0, 9)), max_size=60)


@given(st.lists(st.floats(0, 40), max_size=10), steps)
def test_each_is_found_when_its_last_deadline_has_passed_and_not_before(
    loaded: list[float], steps: list[tuple[str, int, float]]
) -> None:
    column = array("d", [*loaded, *[0.0] * (10 - len(loaded))])
    deadlines = Deadlines(column, GRAIN)
    deadlines.load(range(len(loaded)))
    model, now = dict(enumerate(loaded)), 0.0
    for what, slot, number in steps:
        if what == "pass":
            now += number
            expected = sorted(slot for slot, deadline in model.items() if deadline <= now)
            assert sorted(deadlines.take(now)) == expected
            model = {slot: deadline for slot, deadline in model.items() if deadline > now}
        elif what == "add" or slot in model:
            column[slot] = model[slot] = max(column[slot], now + number)
            deadlines.add(slot)
    assert sorted(deadlines.take(1000.0)) == sorted(model)
    assert deadlines.take(2000.0) == []
