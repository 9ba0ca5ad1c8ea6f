"""What several peers have found, as one list."""

import pytest

from p2p_twisted.index.passage import Passage
from p2p_twisted.index.ranking import Result, merged, result_of, successors
from p2p_twisted.wire.search import Hit, RfcFacts
from p2p_twisted.wire.search_terms import parse_terms

A, B = ("192.0.2.1", 65400), ("192.0.2.2", 65400)


def names(search: str, *results: Result, limit: int = 10) -> list[str]:
    return [result.name for result in merged(results, parse_terms(search), limit)]


def a_result(name: str, title: str = "", weight: int = 0, number: int | None = None, authors: str = "") -> Result:
    return Result(name, title, 1, "a" * 64, weight, RfcFacts(number, authors=authors))


@pytest.mark.parametrize(
    ("search", "title", "name", "is_first"),
    [
        ("tls", "On TLS", "a", True),
        ("tls", "On the tlsomething", "a", False),
        ("tls*", "On the tlsomething", "a", True),
        ("8446", "", "rfc8446.txt", True),
        ('"slow start"', "The slow start", "a", True),
        ('"start slow"', "The slow start", "a", False),
        ("slow start", "The start is slow", "a", True),
        ("slow tcp", "The start is slow", "a", False),
        ("zurich", "Zürich", "a", True),
        ("author:postel", "", "a", True),
        ("rfc:793", "", "a", True),
        ("rfc:79", "", "a", False),
    ],
)
def test_a_title_comes_before_a_text(search: str, title: str, name: str, is_first: bool) -> None:
    in_head = a_result(name, title, 1, 793, "J. Postel")
    in_text = a_result("z", "", 2200)
    assert (names(search, in_text, in_head)[0] == name) is is_first


def test_then_the_weight_and_the_name_count() -> None:
    found = [a_result("c", "", 5), a_result("b", "", 5), a_result("a", "", 4), a_result("d", "", 9)]
    assert names("word", *found) == ["d", "b", "c", "a"]
    assert names("word", *found, limit=2) == ["d", "b"]


def test_a_document_that_several_have_found_is_one() -> None:
    hits = [
        Hit("a", "", 1, "a" * 64, 10, passage="", marks=()),
        Hit("a", "Title", 1, "a" * 64, 30, RfcFacts(793), "the word", ((4, 7),)),
        Hit("a", "Other", 1, "b" * 64, 20),
    ]
    first, second = merged([result_of(hit, peer) for hit, peer in zip(hits, (A, B, B), strict=True)], (), 10)
    assert (first.title, first.weight, first.facts.number, first.peers) == ("Title", 30, 793, [A, B])
    assert first.passage == Passage("the word", ((4, 7),))
    assert (second.sha256, second.peers) == ("b" * 64, [B])


def test_what_obsoletes_and_updates_an_rfc() -> None:
    facts = [RfcFacts(8446, obsoletes=(5246, 5077)), RfcFacts(8447, updates=(5246,)), RfcFacts(None, obsoletes=(5246,))]
    assert successors(5246, facts * 2) == ([8446], [8447])
    assert successors(8446, facts) == ([], [])
