"""The chains against plain lists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry.chains import Chains


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab")), max_size=60))
def test_the_first_is_the_one_that_has_been_there_longest(steps: list[tuple[int, str]]) -> None:
    chains = Chains()
    model: dict[str, list[int]] = {"a": [], "b": []}
    for slot, key in steps:
        old = next((name for name, slots in model.items() if slot in slots), None)
        if old is not None:
            chains.remove(old, slot)
            model[old].remove(slot)
        if old != key:
            chains.append(key, slot)
            model[key].append(slot)
        for name, slots in model.items():
            assert chains.first(name) == (slots[0] if slots else None)
