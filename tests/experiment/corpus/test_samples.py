"""The generated corpus: the same arguments give the same bytes, sizes are as wanted, every document has a title."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.experiment.corpus.sample_document import titles
from p2p_twisted.experiment.corpus.samples import (
    BLOCK,
    MIN_SIZE,
    RFC_SIZES,
    make_corpus,
    spread_sizes,
    write_random_bytes,
)
from p2p_twisted.library.titles import title_of


def test_sixty_documents_are_spread_as_the_rfcs_are(tmp_path: Path) -> None:
    made = make_corpus(tmp_path)
    sizes = sorted(path.stat().st_size for path in made)
    assert [path.suffix for path in made].count(".pdf") == 30
    assert sum(sizes) == pytest.approx(2_480_000, rel=0.03)
    assert sizes[0] == pytest.approx(RFC_SIZES[0], rel=0.05)
    assert sizes[30] == pytest.approx(30_500, rel=0.05)
    assert sizes[-1] == pytest.approx(RFC_SIZES[-1], rel=0.05)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def content(folder: str, seed: int) -> list[bytes]:
        return [path.read_bytes() for path in make_corpus(tmp_path / folder, 4, seed, [5000] * 4)]

    assert content("a", 1) == content("b", 1)
    assert not set(content("a", 1)) & set(content("c", 2))


def test_every_document_has_a_title_of_its_own(tmp_path: Path) -> None:
    made = make_corpus(tmp_path, 20, 7)
    for path, title in zip(made, titles(20, 7), strict=True):
        with path.open("rb") as file:
            assert title_of(file, path.name) == title
    assert len(set(titles(5000, 0))) == 5000


def test_a_repeated_run_changes_nothing_and_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    first = make_corpus(tmp_path, 3)
    assert make_corpus(tmp_path, 3) == first
    first[1].write_bytes(b"somebody's own")
    with pytest.raises(FileExistsError, match=r"note002\.pdf"):
        make_corpus(tmp_path, 3)
    assert first[1].read_bytes() == b"somebody's own"


def test_documents_too_small_or_too_large_for_a_pdf_are_text(tmp_path: Path) -> None:
    made = make_corpus(tmp_path, 4, sizes=[MIN_SIZE, MIN_SIZE, 2**21, 2**21])
    assert [path.name for path in made] == ["note001.txt", "note002.txt", "note003.txt", "note004.txt"]
    assert [path.stat().st_size for path in made] == [MIN_SIZE, MIN_SIZE, 2**21, 2**21]


@given(st.integers(1, 300), st.integers(0, 9))
def test_sizes_keep_their_total_and_their_limits(count: int, seed: int) -> None:
    assert sum(spread_sizes(count, seed, total=count * 20_000)) == count * 20_000
    limited = spread_sizes(count, seed, limits=(2000, 9000))
    assert all(2000 <= size <= 9000 for size in limited)
    assert count < 2 or {2000, 9000} <= set(limited)


@pytest.mark.parametrize("arguments", [{"limits": (10, 5000)}, {"limits": (9000, 2000)}, {"total": 5}])
def test_sizes_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"size|bytes"):
        spread_sizes(3, **arguments)


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_counts_out_of_range_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="documents"):
        spread_sizes(count)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 5])
def test_random_bytes_have_the_size_and_follow_from_the_seed(tmp_path: Path, size: int) -> None:
    one, other, third = (tmp_path / name for name in ("one", "other", "third"))
    write_random_bytes(one, size, "3/large")
    write_random_bytes(other, size, "3/large")
    write_random_bytes(third, size, "4/large")
    assert one.stat().st_size == size
    assert one.read_bytes() == other.read_bytes()
    assert size < 16 or one.read_bytes() != third.read_bytes()
