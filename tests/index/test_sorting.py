"""Sorting in steps, and what orders a document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.index import sorting
from p2p_twisted.index.packed import pack
from p2p_twisted.index.sorting import KEYS, sorted_in_steps
from p2p_twisted.wire.records import IndexRecord


def result(items: list[int]) -> tuple[int, list[int]]:
    """The number of steps, and what was sorted."""
    steps, sorting_ = 0, sorted_in_steps(items)
    while True:
        try:
            next(sorting_)
        except StopIteration as end:
            return steps, end.value
        steps += 1


@given(st.lists(st.integers(0, 20), max_size=60))
def test_it_is_sorted(items: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "SORTED_AT_ONCE", 4)
        steps, found = result(items)
    assert found == sorted(items) and steps >= len(items) // 4


def test_holders_of_one_content_count_together() -> None:
    first, longer, other = (
        pack(IndexRecord("a", title, "far", 1, 7200, size, sha * 64, ""))
        for title, size, sha in (("A", 1, "a"), ("A, longer", 1, "a"), ("B", 9, "b"))
    )
    old = pack(IndexRecord("a", "old", "far", 1, 7200))
    known = [(first, 2), (longer, 3), (other, 4), (old, 1)]
    assert KEYS["holders"](known) == 6 and KEYS["-holders"](known) == -6
    assert KEYS["size"](known) == 9 and KEYS["size"]([(old, 1)]) == -1
    assert KEYS["title"](known) == "b"
