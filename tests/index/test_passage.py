"""The passage that is shown of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.index.passage import BEFORE, LENGTH, Passage, passage_of
from p2p_twisted.wire.limits import MAX_PASSAGE
from p2p_twisted.wire.search_terms import Term, parse_terms

FILLER = "nothing of any interest stands in this part of it " * 40


def marked(passage: Passage) -> list[str]:
    return [passage.text[first : last + 1] for first, last in passage.marks]


@pytest.mark.parametrize(
    ("search", "text", "words"),
    [
        ("window", "The Window is closed", ["Window"]),
        ('"slow start"', "a slow\u2014start, and a slow one", ["slow\u2014start"]),
        ("conges*", "The congestion window", ["congestion"]),
        ("conges", "The congestion window", []),
        ("zurich", "In Zürich it rains", ["Zürich"]),
        ("zürich", "In ZURICH it rains", ["ZURICH"]),
        ("author:window", "The window", []),
        ("window window", "The window", ["window"]),
    ],
)
def test_what_is_marked(search: str, text: str, words: list[str]) -> None:
    passage = passage_of(text, parse_terms(search))
    assert passage.text == text
    assert marked(passage) == words


def test_the_place_with_most_terms_is_shown() -> None:
    text = f"{FILLER} window {FILLER} congestion and its window {FILLER} window window window {FILLER}"
    passage = passage_of(text, parse_terms("congestion window"))
    assert "congestion and its window" in passage.text
    assert marked(passage) == ["congestion", "window"]
    assert passage.text.startswith("…") and passage.text.endswith("…")


def test_without_a_term_the_abstract_is_shown() -> None:
    assert passage_of(f"A head. Abstract This is about {FILLER}", (Term("tls", "title"),)).text.startswith("…Abstract")
    assert passage_of(f"No head. {FILLER}", (Term("tls", "title"),)).text.startswith("No head.")
    assert passage_of("", (Term("tls"),)) == Passage()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=600), st.sampled_from("aAbé0"))
def test_marks_are_in_the_passage_and_apart(text: str, word: str) -> None:
    text = " ".join(f"{text} {word} {text}".split())
    passage = passage_of(text, (Term(word),))
    assert len(passage.text) <= BEFORE + LENGTH + 2 <= MAX_PASSAGE
    assert passage.marks and passage.marks[-1][1] < len(passage.text)
    assert all(a <= b for a, b in passage.marks)
    assert all(b + 1 < c for (_, b), (c, _) in zip(passage.marks, passage.marks[1:], strict=False))


def test_one_endless_word() -> None:
    passage = passage_of("x" * 100_000, (Term("x", None, True),))
    assert len(passage.text) <= MAX_PASSAGE
