"""Mutations in plain Python, for runs that are the same each time, and where there is no atheris."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from fuzz.harness import load, seeds

MAX_LENGTH = 2**16
"""Longest input, in bytes."""

TOKENS = (
    *(
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b": ",
        b"-",
        b",",
        b".",
        b"/",
        b"%",
        b"\x00",
        b"\x1c",
        b"\x85",
    ),
    *(b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xef\xbb\xbf", "\u0664".encode(), "\u2028".encode(), "\u202e".encode()),
    *(b"0", b"-1", b"+1", b"1_0", b"01", b"65536", b"4294967297", b"9223372036854775808", b"9" * 5000, b"1e400"),
    *(b"1.0", b"1.1", b"Length: 0\n", b"Length: 16384\n", b"Follow: yes\n", b"NaN", b"null", b"true", b"{}", b"[]"),
    *(b"[" * 5000, b'{"a":' * 5000, b"\\ud800", b'"', b"\\", b"..", b"::", b"%ff", b"x" * 9000),
)
"""Text that parsers stumble over."""

Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]


def _span(random: Random, data: bytes, most: int = 64) -> tuple[int, int]:
    first = random.randint(0, len(data))
    return first, min(len(data), first + random.randint(0, most))


def _replace(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    first, end = _span(random, data, 8)
    return data[:first] + random.choice(TOKENS) + data[end:]


def _insert(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    first, _ = _span(random, data)
    return data[:first] + random.choice(TOKENS) + data[first:]


def _overwrite(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    first, end = _span(random, data, 4)
    return data[:first] + random.randbytes(end - first) + data[end:]


def _delete(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    first, end = _span(random, data)
    return data[:first] + data[end:]


def _repeat(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    first, end = _span(random, data)
    return data[:first] + data[first:end] * random.choice((2, 3, 100)) + data[end:]


def _splice(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    other = random.choice(corpus)
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _move_line(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    lines.insert(random.randrange(len(lines)), lines.pop(random.randrange(len(lines))))
    return b"\n".join(lines)


_MUTATIONS: tuple[Mutation, ...] = (_replace, _insert, _overwrite, _delete, _repeat, _splice, _move_line)


def mutated(random: Random, corpus: Sequence[bytes]) -> bytes:
    """Return one of `corpus` with one to four mutations."""
    data = random.choice(corpus)
    for _ in range(random.randint(1, 4)):
        data = random.choice(_MUTATIONS)(random, data, corpus)
    return data[:MAX_LENGTH]


def run_mutations(name: str, count: int) -> None:
    """Run the target `name` on `count` mutations of its corpus. Raises AssertionError with the first that fails."""
    one, corpus, random = load(name), list(seeds(name).values()), Random(name)
    for _ in range(count):
        data = mutated(random, corpus)
        try:
            one(data)
        except Exception as error:
            raise AssertionError(f"{name}: {data!r}") from error
