"""The terms of a search: what people type, and the text that means the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.limits import MAX_SEARCH, MAX_TERMS
from p2p_twisted.wire.search_terms import FIELDS, Term, as_typed, format_terms, parse_terms
from tests.support.wire_strategies import search_terms


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("slow start", (Term("slow"), Term("start"))),
        ('"slow  start" tcp', (Term("slow start"), Term("tcp"))),
        ('"slow sta', (Term("slow sta"),)),
        ("rfc:8446", (Term("8446", "rfc"),)),
        ("AUTHOR:Rescorla", (Term("Rescorla", "author"),)),
        ('author:"van Jacobson"', (Term("van Jacobson", "author"),)),
        ("conges*", (Term("conges", None, True),)),
        ('title:"slow sta"*', (Term("slow sta", "title", True),)),
        ("http://a.b/c", (Term("http://a.b/c"),)),
        ('tcp - & \' "" ...', (Term("tcp"),)),
        ('say"hello"', (Term("say"), Term("hello"))),
        ("Zürich 北京", (Term("Zürich"), Term("北京"))),
    ],
)
def test_what_people_type(text: str, terms: tuple[Term, ...]) -> None:
    assert parse_terms(text) == terms
    assert parse_terms(format_terms(terms)) == terms


@given(search_terms)
def test_the_text_of_terms_means_them(terms: tuple[Term, ...]) -> None:
    assert parse_terms(format_terms(terms)) == terms


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_taken_or_refused(text: str) -> None:
    try:
        terms = parse_terms(text)
    except BadRequest as error:
        assert error.reason.isprintable()
        return
    assert all(term.field is None or term.field in FIELDS for term in terms)
    assert all('"' not in term.text for term in terms)


@pytest.mark.parametrize(
    "text", ["", "  ", "- * ?", "a\nb", "a\tb", "é" * (MAX_SEARCH // 2 + 1), "word " * (MAX_TERMS + 1)]
)
def test_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_terms(text)


@pytest.mark.parametrize(
    ("text", "is_prefix"),
    [("slow sta", True), ("slow start ", False), ('"slow start"', False), ("sta*", True), ("start -", False)],
)
def test_the_last_word_may_be_unfinished(text: str, is_prefix: bool) -> None:
    terms = as_typed(text)
    assert terms[-1].is_prefix is is_prefix
    assert not any(term.is_prefix for term in terms[:-1])


def test_one_letter_of_another_word_changes_nothing_yet() -> None:
    assert as_typed("slow s") == (Term("slow"),)
    assert as_typed("s") == (Term("s", None, True),)
    assert as_typed("slow 北") == (Term("slow"), Term("北", None, True))
    assert as_typed("title:slow name:s") == (Term("slow", "title"), Term("s", "name", True))
