"""Documents of our own making: same arguments, same bytes; sizes as asked; readable, each with its title."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from p2p_twisted.cli.main import main
from p2p_twisted.experiment.corpus.choice import MIN_SIZE, RFC_SIZES, choose, make_corpus, natural, spread_sizes
from p2p_twisted.experiment.corpus.documents import pdf_document, text_document, titles
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


@given(st.integers(MIN_SIZE, 50_000))
def test_a_text_has_exactly_its_size_in_lines_that_fit(size: int) -> None:
    text = text_document("A Title", size, "key")
    assert len(text) == size
    assert text.endswith(b"\n")
    assert max(map(len, text.decode("ascii").splitlines())) <= 72


@pytest.mark.parametrize("size", [8192, 30_000, 228_299])
def test_a_pdf_has_about_its_size_and_can_be_read(size: int) -> None:
    data = pdf_document("A Title", size, "key")
    assert len(data) == pytest.approx(size, rel=0.02)
    reader = PdfReader(io.BytesIO(data), strict=True)
    assert reader.metadata is not None
    assert reader.metadata.title == "A Title"
    assert "Abstract" in reader.pages[0].extract_text()


@given(st.integers(1, 300), st.integers(0, 9))
def test_sizes_keep_their_total_and_their_limits(count: int, seed: int) -> None:
    assert sum(spread_sizes(count, seed, total=count * 20_000)) == count * 20_000
    limited = spread_sizes(count, seed, limits=(2000, 9000))
    assert all(2000 <= size <= 9000 for size in limited)
    assert count < 2 or {2000, 9000} <= set(limited)


@pytest.mark.parametrize("arguments", [{"limits": (10, 5000)}, {"limits": (9000, 2000)}, {"total": 5}])
def test_sizes_out_of_range_are_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match=r"size|bytes"):
        spread_sizes(3, **arguments)


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_counts_out_of_range_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="documents"):
        spread_sizes(count)


def test_the_newest_documents_are_chosen_by_number(tmp_path: Path) -> None:
    for name in ("rfc9.txt", "rfc10.txt", "rfc8446.txt.pdf", ".hidden", "half.txt.part", "sub/rfc791.txt", "bad\x07"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "link.txt").symlink_to(tmp_path / "rfc9.txt")
    assert [path.name for path in choose(tmp_path, 60)] == ["rfc9.txt", "rfc10.txt", "rfc8446.txt.pdf", "rfc791.txt"]
    assert [path.name for path in choose(tmp_path, 2)] == ["rfc8446.txt.pdf", "rfc791.txt"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        choose(tmp_path / "nowhere", 60)
    with pytest.raises(NotADirectoryError, match="file is not a folder"):
        choose(tmp_path / "file", 60)


@given(st.text(), st.text())
def test_any_two_names_can_be_ordered(a: str, b: str) -> None:
    assert (natural(a) < natural(b)) + (natural(b) < natural(a)) <= 1


def test_the_command_makes_documents_and_says_how_many(tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["corpus", "make", str(tmp_path), "--count", "3", "--total", "90000", "--json"])
    assert made.exit_code == 0
    result = json.loads(made.stdout)
    assert result["files"] == sorted(path.name for path in tmp_path.iterdir())
    assert result["bytes"] == pytest.approx(90_000, rel=0.02)
    again = CliRunner().invoke(main, ["corpus", "make", str(tmp_path), "--count", "3", "--total", "90000"])
    assert again.stdout == f"3 documents, {result['bytes']:,} bytes, in {tmp_path}\n"


@pytest.mark.parametrize(
    "arguments",
    [["--sizes", "5000"], ["--sizes", "9000-2000"], ["--sizes", "2000-9000", "--total", "5"], ["--count", "0"]],
)
def test_bad_arguments_of_the_command_are_usage_errors(tmp_path: Path, arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["corpus", "make", str(tmp_path / "new"), *arguments]).exit_code == 2
    assert not (tmp_path / "new").exists()


def test_the_command_leaves_other_files_alone_and_exits_11(tmp_path: Path) -> None:
    (tmp_path / "note001.txt").write_text("somebody's own")
    made = CliRunner().invoke(main, ["corpus", "make", str(tmp_path), "--count", "3"])
    assert made.exit_code == 11
    assert made.stderr.startswith(f"p2p: {tmp_path / 'note001.txt'} is there already")
