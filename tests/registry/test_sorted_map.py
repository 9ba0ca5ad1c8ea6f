"""The sorted mapping against a plain dict, with chunks of a few keys."""

from __future__ import annotations

from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.registry import sorted_map
from p2p_twisted.registry.sorted_map import SortedMap

keys = st.integers(0, 60)


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_map, "MAX_CHUNK", 8)
        yield


def made(numbers: set[int]) -> SortedMap[int]:
    map_: SortedMap[int] = SortedMap(lambda some: array("Q", some))
    map_.load(sorted(numbers), [2 * number for number in sorted(numbers)])
    return map_


@given(st.sets(keys), st.lists(st.tuples(keys, st.booleans()), max_size=150), keys, st.data())
def test_it_is_what_a_dict_says(loaded: set[int], steps: list[tuple[int, bool]], low: int, data: st.DataObject) -> None:
    map_, model = made(loaded), {number: 2 * number for number in loaded}
    for key, is_removal in steps:
        if is_removal and key in model:
            map_.remove(key)
            del model[key]
        elif not is_removal:
            map_.put(key, key + 7)
            model[key] = key + 7
    assert list(map_.items()) == sorted(model.items())
    assert len(map_) == len(model)
    assert all(map_.get(key) == model.get(key) for key in range(61))
    assert list(map_.after(low)) == [key for key in sorted(model) if key > low]
    assert list(map_.after(str(low), lambda key: f"{key:02}"[:9])) == sorted(k for k in model if f"{k:02}" > str(low))
    following = [key for key in sorted(model) if key >= low]
    assert [map_.nth(low, number) for number in range(len(following))] == following
    number = data.draw(st.integers(0, len(model)))
    some = map_.sample(number)
    assert len(some) == len(set(some)) == number and set(some) <= model.keys()
    sizes = [len(chunk) for chunk in map_._keys]
    assert max(sizes) <= 8 and all(sum(pair) > 4 for pair in pairwise(sizes))


def test_all_keys_have_the_same_chance() -> None:
    map_ = made(set(range(0, 1000, 10)))
    for number in range(3):  # which fill one chunk
        map_.put(5 + number, 0)
    counts = dict.fromkeys(map_.after(None), 0)
    for _ in range(4000):
        for key in map_.sample(5):
            counts[key] += 1
    mean = 4000 * 5 / 103
    assert all(mean / 2 < count < 2 * mean for count in counts.values()), "seven times the standard deviation"
