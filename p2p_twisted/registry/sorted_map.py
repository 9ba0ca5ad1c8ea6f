"""A sorted mapping in chunks of arrays: a million keys of 64 bits take 12 MB, and one more moves a thousand of them."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from itertools import chain, islice
from random import random, sample
from typing import Any, Generic, TypeVar

MAX_CHUNK = 1024
"""Most keys of a chunk; it is split then. Two next to each other have more than half as many."""

K = TypeVar("K", bound=Any)


class SortedMap(Generic[K]):
    """Different keys in ascending order, each with a whole number below 2**32."""

    def __init__(self, chunk: Callable[[Iterable[K]], MutableSequence[K]]) -> None:
        """`chunk` makes the sequence that has some of the keys: a list, or an array."""
        self._chunk = chunk
        self.load((), ())

    def load(self, keys: Iterable[K], values: Iterable[int]) -> None:
        """Replace everything by these keys, which are sorted, and their values."""
        all_keys, all_values = self._chunk(keys), array("I", values)
        size = MAX_CHUNK * 3 // 4
        starts = range(0, len(all_keys), size) or (0,)
        self._keys: list[Any] = [all_keys[at : at + size] for at in starts]
        self._values: list[Any] = [all_values[at : at + size] for at in starts]
        self._lows: list[K] = [chunk[0] for chunk in self._keys[1:]]
        """Between two chunks, a key that is not below those of the one after."""
        self._size = len(all_keys)

    def __len__(self) -> int:
        return self._size

    def get(self, key: K) -> int | None:
        """Return the value of `key`; None if it is not there."""
        chunk, at = self._find(key)
        keys = self._keys[chunk]
        found: int | None = self._values[chunk][at] if at < len(keys) and keys[at] == key else None
        return found

    def put(self, key: K, value: int) -> None:
        """Set the value of `key`."""
        chunk, at = self._find(key)
        keys, values = self._keys[chunk], self._values[chunk]
        if at < len(keys) and keys[at] == key:
            values[at] = value
            return
        keys.insert(at, key)
        values.insert(at, value)
        self._size += 1
        if len(keys) > MAX_CHUNK:
            self._split(chunk)

    def remove(self, key: K) -> None:
        """Remove `key`, which is there."""
        chunk, at = self._find(key)
        del self._keys[chunk][at], self._values[chunk][at]
        self._size -= 1
        for left in chunk, chunk - 1:
            if 0 <= left < len(self._lows) and len(self._keys[left]) + len(self._keys[left + 1]) <= MAX_CHUNK // 2:
                self._merge(left)

    def after(self, low: Any, of: Callable[[K], Any] | None = None) -> Iterator[K]:
        """Iterate over the keys of which `of` is greater than `low`; over all if that is None.

        `of` is in the same order as the keys; without it, the keys themselves are. Nothing may change meanwhile.
        """
        chunk = 0 if low is None else bisect_right(self._lows, low, key=of)
        at = 0 if low is None else bisect_right(self._keys[chunk], low, key=of)
        yield from islice(self._keys[chunk], at, None)
        for keys in self._keys[chunk + 1 :]:
            yield from keys

    def items(self) -> Iterator[tuple[K, int]]:
        """Iterate over keys and values. Nothing may change meanwhile."""
        return zip(chain.from_iterable(self._keys), chain.from_iterable(self._values), strict=True)

    def nth(self, low: K, number: int) -> K:
        """Return the key that has `number` others before it that are not below `low`."""
        chunk, at = self._find(low)
        at += number
        while at >= len(self._keys[chunk]):
            at -= len(self._keys[chunk])
            chunk += 1
        key: K = self._keys[chunk][at]
        return key

    def sample(self, number: int) -> list[K]:
        """Return `number` different keys, chosen by chance; there are as many."""
        if 2 * number >= self._size:
            return sample(list(self.after(None)), number)
        found: dict[K, None] = {}
        while len(found) < number:
            keys, at = self._keys[int(random() * len(self._keys))], int(random() * MAX_CHUNK)
            if at < len(keys):  # all keys have the same chance, in whatever chunk
                found[keys[at]] = None
        return list(found)

    def _find(self, key: K) -> tuple[int, int]:
        """Return the chunk of `key`, and its place there."""
        chunk = bisect_right(self._lows, key)
        return chunk, bisect_left(self._keys[chunk], key)

    def _split(self, chunk: int) -> None:
        half = MAX_CHUNK // 2
        self._lows.insert(chunk, self._keys[chunk][half])
        for all_ in self._keys, self._values:
            all_[chunk : chunk + 1] = [all_[chunk][:half], all_[chunk][half:]]

    def _merge(self, left: int) -> None:
        """Put the chunk after `left` into it."""
        del self._lows[left]
        for all_ in self._keys, self._values:
            all_[left : left + 2] = [all_[left] + all_[left + 1]]
