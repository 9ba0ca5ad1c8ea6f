"""Titles: from RFCs, other texts and PDFs, made here; the real RFCs have a file of their own."""

from __future__ import annotations

import gc
import threading
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.library import pdf
from p2p_twisted.library.titles import MAX_TEXT, title_of, title_of_text
from p2p_twisted.wire.fields import has_control
from p2p_twisted.wire.limits import MAX_TITLE
from tests.support.sample_documents import RFC_HEAD, encrypted, endless_pdf, pdf_of, raw_pdf, xmp_of

RFC_TITLE = "A Title That Is So Long That It Has To Go On in the Next Line: Part Two"


def title(data, name):
    return title_of(BytesIO(data), name)


def without_empty_lines(text):
    return "\n".join(line for line in text.splitlines() if line.strip())


@pytest.mark.parametrize("text", [RFC_HEAD, without_empty_lines(RFC_HEAD)])
def test_rfc(text) -> None:
    assert title_of_text(text) == RFC_TITLE


def test_rfc_of_the_eighties() -> None:
    text = "\nRFC 768 \t\t\t\t                      J. Postel\n" + " " * 60 + "28 August 1980\n\n"
    text += " " * 25 + "User Datagram Protocol\n" + " " * 25 + "-" * 22 + "\n\nIntroduction\n"
    assert title_of_text(text) == "User Datagram Protocol"


def test_rfc_whose_head_has_one_column_only() -> None:
    text = "Network Working Group\nRequest for Comments: 1\n\n" + " " * 30 + "Host Software\n\nAbstract\n"
    assert title_of_text(text) == "Host Software"


def test_rfc_without_a_title() -> None:
    assert title_of_text("Request for Comments: 1\n\n\n") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\n  Moby Dick \n\nCall me Ishmael.", "Moby Dick"),
        ("# The *Manual* #\n\ntext", "The *Manual"),
        ("Setext\n======\n", "Setext"),
        ("==========\n  Title\n==========\n\ntext", "Title"),
        (".. _label:\n\n.. image:: x.png\n\nReal Title\n==========\n", "Real Title"),
        ("<!-- a comment -->\n[![Build](https://x/y.svg)](z)\n# p2p\n", "p2p"),
        ("#!/bin/sh\n# -*- mode: sh -*-\n# What it does\n", "What it does"),
        ("\ufeffWith a mark\n", "With a mark"),
        ("one\ttwo\x07three\u2028", "one two three"),
        ("right\u202eleft soft\u00adhyphen", "rightleft softhyphen"),
        ("12345\n-----\n\nWords", "Words"),
        ("", ""),
        ("....\n!!!\n", ""),
    ],
)
def test_first_meaningful_line(text, expected) -> None:
    assert title_of_text(text) == expected


@given(st.text())
def test_always_one_clean_line(text) -> None:
    found = title_of_text(text)
    assert len(found) <= MAX_TITLE
    assert not has_control(found)
    assert found == " ".join(found.split())


def test_the_type_of_a_file_follows_from_its_name() -> None:
    for name in ("README", "a.txt", "a.TXT", "sub.zip/a.md", "a.rst"):
        assert title(b"Hello world\n", name) == "Hello world"
    for name in ("a.html", "a.json", "a.txt.gz", "a.zip/b.c"):
        assert title(b"Hello world\n", name) == ""


def test_bytes_that_are_no_text() -> None:
    assert title(b"\x7fELF\0\0\0", "program") == ""
    assert title("Übergröße\n".encode("latin-1"), "a.txt") == "Übergröße"
    assert title(b"Hello\n" + b"x" * (MAX_TEXT - 7) + "é".encode(), "a.txt") == "Hello"


def test_only_the_beginning_is_read() -> None:
    assert title(b"\n" * MAX_TEXT + b"Too late", "a.txt") == ""


@pytest.mark.parametrize(
    "useless",
    [
        None,
        "Enscript Output",
        "untitled",
        "Untitled-1",
        "Microsoft Word - thesis.doc",
        "doc",
        "doc.PDF",
        "ab.tex",
        "??",
    ],
)
def test_pdf_with_a_useless_title_is_read_as_text(useless) -> None:
    assert title(pdf_of(RFC_HEAD, useless), "sub/doc.pdf") == RFC_TITLE
    assert title(pdf_of("A Heading\n\nAnd text.", useless), "sub/doc.pdf") == "A Heading"


def test_pdf_whose_title_says_something() -> None:
    assert title(pdf_of(RFC_HEAD, "On\tTitles "), "doc.PDF") == "On Titles"


def test_pdf_without_text() -> None:
    assert title(pdf_of(""), "doc.pdf") == ""


@pytest.mark.parametrize(
    "info",
    [
        b"<</Title null>>", b"<</Title [(In) (an array)]>>", b"<</Title 12>>", b"<</Title <</A (b)>>>>",
        b"<</Title /Name>>", b"<</Title 99 0 R>>", b"<</Title true>>", b"<<>>", b"42", b"[1 2]", b"(text)", b"null",
        b"<</Title 6 0 R>>",
    ],
)  # fmt: skip
def test_an_unusable_title_does_not_affect_others(info) -> None:
    assert title(raw_pdf(info), "doc.pdf") == "Page Text"
    assert title(raw_pdf(info, xmp_of({"x-default": "From XMP"})), "doc.pdf") == "From XMP"


def test_a_file_that_is_a_pdf_by_name_only_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_import_pypdf", lambda: pytest.fail("it was opened"))
    assert pdf.read_pdf(BytesIO(bytes(pdf.HEAD) + pdf_of("A Heading"))) == ([], "")


def test_a_good_title_survives_a_page_that_cannot_be_read() -> None:
    assert title(raw_pdf(b"<</Title (Good)>>", text=None), "doc.pdf") == "Good"
    assert title(raw_pdf(xmp=xmp_of({"x-default": "Good"}), text=None), "doc.pdf") == "Good"


@pytest.mark.usefixtures("no_collection")
def test_a_good_title_survives_a_page_that_takes_for_ever() -> None:
    data = endless_pdf(5_000_000).replace(b"/Root 1 0 R>>", b"/Root 1 0 R/Info<</Title (Good)>>>>")
    assert pdf.read_pdf(BytesIO(data), timeout=0.5) == (["Good"], "")


def test_titles_in_xmp() -> None:
    assert title(raw_pdf(xmp=xmp_of({"de": "Titel", "x-default": "The Title"})), "doc.pdf") == "The Title"
    assert title(raw_pdf(xmp=xmp_of({"de": "Titel"})), "doc.pdf") == "Titel"
    assert title(raw_pdf(b"<</Title (untitled)>>", xmp_of({"x-default": "The Title"})), "doc.pdf") == "The Title"
    assert title(raw_pdf(b"<</Title (First)>>", xmp_of({"x-default": "The Title"})), "doc.pdf") == "First"


@pytest.mark.parametrize("xmp", [b"", b"<x", b"\xff\xfe\0", b"<a/>" * 1000, xmp_of({}), xmp_of({"x-default": ""})])
def test_broken_xmp_costs_no_other(xmp) -> None:
    assert title(raw_pdf(xmp=xmp), "doc.pdf") == "Page Text"
    assert title(raw_pdf(b"<</Title (Good)>>", xmp), "doc.pdf") == "Good"


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_encrypted(algorithm) -> None:
    """An encrypted PDF has a title only if it opens without a password."""
    whole = raw_pdf(b"<</Title (Good)>>")
    assert title(encrypted(whole, algorithm), "doc.pdf") == "Good"
    assert title(encrypted(raw_pdf(), algorithm), "doc.pdf") == "Page Text"
    assert title(encrypted(whole, algorithm, "secret"), "doc.pdf") == ""


def test_there_is_no_title_without_a_working_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_import_pypdf", lambda: None)
    assert title(raw_pdf(b"<</Title (Good)>>"), "doc.pdf") == ""


@given(st.integers(0, 1500), st.binary(max_size=8))
def test_no_broken_pdf_raises(where, junk) -> None:
    whole = pdf_of("Heading")
    title(whole[:where] + junk + whole[where + len(junk) :], "doc.pdf")
    title(whole[:where], "doc.pdf")


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"no pdf at all" * 1000, b"\0" * 100_000])
def test_no_pdf_at_all(data) -> None:
    assert title(data, "doc.pdf") == ""


def test_pdfs_of_any_size_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_FILE", 100)
    assert title(pdf_of("Heading"), "doc.pdf") == ""


@pytest.fixture
def no_collection():
    """Hypothesis looks at every garbage collection with a function of its own: what ends a thread may strike there."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
def test_a_pdf_made_to_take_for_ever() -> None:
    assert pdf.read_pdf(BytesIO(endless_pdf(5_000_000)), timeout=0.5) == ([], "")
    assert "pdf" not in [thread.name for thread in threading.enumerate()]
