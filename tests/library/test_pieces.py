"""Pieces: the cut follows from the size alone, and one pass gives all hashes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.library.pieces import (
    AIM,
    DIGEST,
    MAX_PIECE,
    MIN_PIECE,
    PieceHasher,
    list_digest,
    list_length,
    piece_count,
    piece_range,
    piece_size,
)

sizes = st.integers(0, 2**44)
small_files = st.integers(0, 5 * MIN_PIECE)


def test_sizes_at_the_edges() -> None:
    assert piece_size(0) == piece_size(1) == piece_size(64 * 2**20) == MIN_PIECE
    assert piece_size(64 * 2**20 + 1) == 2 * MIN_PIECE
    assert piece_size(100 * 2**20) == 128 * 2**10
    assert piece_size(4 * 2**30) == MAX_PIECE
    assert piece_size(2**50) == MAX_PIECE


def test_no_negative_size() -> None:
    with pytest.raises(ValueError):
        piece_size(-1)


@given(sizes)
def test_size_is_the_smallest_power_of_two_that_will_do(size) -> None:
    piece = piece_size(size)
    assert piece & (piece - 1) == 0
    assert MIN_PIECE <= piece <= MAX_PIECE
    assert piece == MIN_PIECE or piece // 2 < size / AIM
    assert piece == MAX_PIECE or piece_count(size) <= AIM


@given(small_files)
def test_ranges_cover_the_file_without_gap(size) -> None:
    end = 0
    for i in range(piece_count(size)):
        offset, length = piece_range(size, i)
        assert (offset, length > 0) == (end, True)
        end += length
    assert end == size


@pytest.mark.parametrize(("size", "i"), [(0, 0), (10, 1), (10, -1), (MIN_PIECE, 1)])
def test_no_such_piece(size, i) -> None:
    with pytest.raises(IndexError):
        piece_range(size, i)


def content(size):
    """Bytes of which no two pieces are equal."""
    return hashlib.shake_128(b"content").digest(size)


@given(small_files, st.lists(st.integers(0, 2 * MIN_PIECE), max_size=12))
def test_hashes_do_not_depend_on_the_blocks(size, blocks) -> None:
    data = content(size)
    hasher, rest = PieceHasher(size), memoryview(data)
    for length in blocks:
        hasher.update(rest[:length])
        rest = rest[length:]
    hasher.update(rest)
    pieces = [
        data[offset : offset + length] for offset, length in (piece_range(size, i) for i in range(piece_count(size)))
    ]
    expected = b"".join(hashlib.sha256(piece).digest() for piece in pieces) if len(pieces) > 1 else b""
    assert hasher.sha256() == hashlib.sha256(data).hexdigest()
    assert hasher.pieces() == expected
    assert list_length(size) == len(expected)


@pytest.mark.parametrize("size", [0, 1, MIN_PIECE])
def test_a_file_of_one_piece_has_no_list(size) -> None:
    hasher = PieceHasher(size)
    hasher.update(content(size))
    assert hasher.pieces() == b""


def test_whole_pieces_leave_no_empty_one_behind() -> None:
    hasher = PieceHasher(2 * MIN_PIECE)
    hasher.update(content(2 * MIN_PIECE))
    assert len(hasher.pieces()) == 2 * DIGEST


def test_the_announced_size_must_be_fed() -> None:
    hasher = PieceHasher(3)
    hasher.update(b"ab")
    for ask in (hasher.sha256, hasher.pieces):
        with pytest.raises(ValueError, match="only 2 of 3"):
            ask()
    with pytest.raises(ValueError, match="more than the 3"):
        hasher.update(b"cd")


def test_list_digest() -> None:
    assert list_digest(b"x" * 64) == hashlib.sha256(b"x" * 64).hexdigest()
