"""The text of documents: what is no text, and PDFs that are made to harm their reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.library import extraction_worker
from p2p_twisted.library.extraction import Extractor, NoText
from p2p_twisted.library.extraction_worker import MAX_TEXT
from p2p_twisted.wire.search import RfcFacts
from tests.support.sample_documents import endless_pdf, pdf_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def extractor() -> Iterator[Extractor]:
    found = Extractor()
    yield found
    found.close()


def text_of(extractor: Extractor, path: Path) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return extractor.read(fd, path.name).text
    finally:
        os.close(fd)


def a_pdf(path: Path, text: str) -> Path:
    path.write_bytes(pdf_of(text))
    return path


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.txt", b"plain text", "plain text"),
        ("a.txt", "Z\u00fcrich".encode("latin-1"), "Z\u00fcrich"),
        ("a.py", "print('Z\u00fcrich')".encode(), "print('Z\u00fcrich')"),
        ("a.bin", b"\xff\xfe\xfd", ""),
        ("a.txt", b"text\0text", ""),
        ("a.txt", b"", ""),
    ],
)
def test_files_that_are_no_pdf(extractor: Extractor, tmp_path: Path, name: str, data: bytes, text: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert text_of(extractor, tmp_path / name) == text


def test_a_long_text_is_cut_within_a_letter(extractor: Extractor, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("\u00e9" * (MAX_TEXT // 2) + "\u4e2d\u6587")
    assert text_of(extractor, tmp_path / "long") == "\u00e9" * (MAX_TEXT // 2)


def test_all_pages_of_a_pdf(extractor: Extractor, tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(200)]
    assert text_of(extractor, a_pdf(tmp_path / "a.pdf", "\n".join(lines))) == " ".join(lines)


def test_a_pdf_that_is_broken_is_said_to_be(extractor: Extractor, tmp_path: Path) -> None:
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4\nnothing of the kind")
    with pytest.raises(NoText, match="is broken"):
        text_of(extractor, tmp_path / "b.pdf")


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ("MAX_MEMORY = 90 * 2**20", "takes too much memory"),
        ("CPU_TIMEOUT = 1", "takes too long"),
        ("WALL_TIMEOUT = 0.5", "takes too long"),
    ],
)
def test_a_pdf_that_takes_too_much_hurts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: str, why: str
) -> None:
    (tmp_path / "strict.py").write_text(f"import p2p_twisted.library.extraction_worker as w; w.{limits}; w.main()")
    (tmp_path / "bomb.pdf").write_bytes(endless_pdf(5_000_000))
    monkeypatch.setattr(extraction_worker, "__name__", "strict")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(ROOT))))
    strict = Extractor()
    try:
        with pytest.raises(NoText, match=why):
            text_of(strict, tmp_path / "bomb.pdf")
        assert text_of(strict, a_pdf(tmp_path / "next.pdf", "still here")) == "still here"
    finally:
        strict.close()


def test_a_reader_that_dies_is_replaced(tmp_path: Path) -> None:
    extractor = Extractor()
    path = a_pdf(tmp_path / "a.pdf", "words")
    assert text_of(extractor, path) == "words"
    assert extractor._process is not None
    extractor._process.kill()
    with pytest.raises(NoText, match="cannot be read"):
        text_of(extractor, path)
    assert text_of(extractor, path) == "words"
    extractor.close()
    with pytest.raises(NoText, match="stops"):
        text_of(extractor, path)


def test_what_an_rfc_says_of_itself(extractor: Extractor, tmp_path: Path) -> None:
    head = f"{'Network Working Group':50}J. Postel\nRequest for Comments: 793\nObsoletes: 761\n"
    (tmp_path / "rfc793.txt").write_text(f"{head}\n   TRANSMISSION CONTROL PROTOCOL\n")
    with (tmp_path / "rfc793.txt").open("rb") as file:
        found = extractor.read(file.fileno(), "rfc793.txt")
    assert found.facts == RfcFacts(793, authors="J. Postel", obsoletes=(761,))
    assert found.text.endswith("Obsoletes: 761 TRANSMISSION CONTROL PROTOCOL")


def test_it_may_rest(extractor: Extractor, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("words")
    assert text_of(extractor, tmp_path / "a") == "words"
    extractor.rest()
    assert extractor._process is None
    assert text_of(extractor, tmp_path / "a") == "words"
