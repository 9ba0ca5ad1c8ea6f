"""Generated documents: sizes as wanted, readable, each with its title."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from p2p_twisted.experiment.corpus.sample_document import pdf_document, text_document
from p2p_twisted.experiment.corpus.samples import MIN_SIZE


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
