"""Words as the full text sees them."""

import pytest

from p2p_twisted.index.words import date_words, name_words, rfc_number, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("TCP/IP, version_4", ["tcp", "ip", "version", "4"]),
        ("Zürich NAÏVE e\u0301te\u0301", ["zurich", "naive", "ete"]),
        ("한국어 北京", ["한국어", "北京"]),
        ("...", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_names_are_cut_where_letters_meet_digits() -> None:
    assert name_words("rfc/rfc8446.txt") == "rfc/rfc8446.txt rfc/rfc 8446.txt"
    assert name_words("notes/myPlan.txt") == "notes/myPlan.txt notes/my Plan.txt"
    assert name_words("README") == "README"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("rfc8446.txt.pdf", 8446),
        ("standards/RFC0791.txt", 791),
        ("rfc-2119", 2119),
        ("rfc123456", None),
        ("myrfc12.txt", None),
    ],
)
def test_the_number_in_the_name_of_an_rfc(name: str, number: int | None) -> None:
    assert rfc_number(name) == number


@pytest.mark.parametrize(
    ("date", "words"),
    [("2018-08", "2018-08 August 2018"), ("1990-04-01", "1990-04-01 April 1990"), ("", ""), ("2018", "2018")],
)
def test_dates(date: str, words: str) -> None:
    assert date_words(date) == words
