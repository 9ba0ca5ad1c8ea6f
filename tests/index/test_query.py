"""Which documents a search finds."""

from __future__ import annotations

import pytest

from p2p_twisted.index.query import Pattern, Query, folded

CAFE = "caf\u00e9.txt"
CAFE_DECOMPOSED = "cafe\u0301.txt"


@pytest.mark.parametrize(
    ("query", "name", "title", "found"),
    [
        ("", "a.txt", "", True),
        ("tls RFC", "rfc8446.txt", "TLS 1.3", True),
        ("tls 9", "rfc8446.txt", "TLS 1.3", False),
        ("rfc*", "RFC8446.txt", "", True),
        ("rfc*", "my-rfc.txt", "rfc", False),
        ("rfc???? tls", "rfc8446", "TLS", True),
        ("two w*", "two words.txt", "", True),
        ("*o w?rds.txt", "two words.txt", "", True),
        ("two w*", "one two words.txt", "", False),
        ("w* two", "words.txt", "the two", True),
        ("*[1]*", "a[1].txt", "", True),
        ("a[12]*", "a1.txt", "", False),
        ("*!x", "a!x", "", True),
        (CAFE, CAFE_DECOMPOSED, "", True),
        (CAFE_DECOMPOSED, CAFE, "", True),
        ("caf?.txt", CAFE_DECOMPOSED, "", True),
        ("STRASSE", "stra\u00dfe", "", True),
        ("\u00c9", "x", "caf\u00e9", True),
        ("*", "a\nb", "", True),
    ],
)
def test_documents_that_a_query_finds(query, name, title, found) -> None:
    assert Query(query).matches(name, title) == found


def test_many_stars_take_no_longer() -> None:
    assert not Pattern("*a" * 40 + "b").matches("a" * 1000)


def test_folded_is_the_same_for_all_spellings() -> None:
    assert len({folded(name) for name in (CAFE, CAFE_DECOMPOSED, CAFE.upper(), CAFE_DECOMPOSED.upper())}) == 1
    assert folded("ABC") == "abc"
