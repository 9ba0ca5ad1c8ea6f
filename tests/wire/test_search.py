"""The lines of an answer to SEARCH INDEX."""

import pytest
from hypothesis import given

from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.limits import MAX_FACT, MAX_PASSAGE, MAX_RFC, MAX_RFCS, MAX_TITLE
from p2p_twisted.wire.search import MAX_WEIGHT, Hit, RfcFacts, encode_hit, parse_hit
from tests.support.wire_strategies import hits

SHA256 = "ab" * 32
HIT = Hit(
    "rfc/rfc8446.txt",
    "TLS 1.3",
    340_000,
    SHA256,
    1234,
    RfcFacts(8446, "Standards Track", "2018-08", "E. Rescorla", (5077, 5246), (5705,)),
    "…the elapsed time since…",
    ((5, 16),),
)


def test_a_line() -> None:
    assert encode_hit(HIT).split("\t") == [
        *("rfc/rfc8446", "txt", "TLS 1.3", "340000", SHA256, "1234", "8446", "Standards Track", "2018-08"),
        *("E. Rescorla", "5077,5246", "5705", "5-16", "…the elapsed time since…"),
    ]


def test_a_document_that_is_no_rfc() -> None:
    hit = Hit("README", "", 3, SHA256, 0)
    assert encode_hit(hit) == f"README\t\t\t3\t{SHA256}\t0\t-\t-\t-\t-\t-\t-\t-\t"
    assert parse_hit(encode_hit(hit)) == hit


@given(hits)
def test_parsing_is_the_inverse(hit: Hit) -> None:
    assert parse_hit(encode_hit(hit)) == hit


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (0, "x" * 1025),
        (2, "x" * (MAX_TITLE + 1)),
        (2, "a\x1b[31mred"),
        (3, "-1"),
        (4, "AB" * 32),
        (5, str(MAX_WEIGHT + 1)),
        (6, str(MAX_RFC + 1)),
        (6, "0"),
        (7, "x" * (MAX_FACT + 1)),
        (8, "yesterday"),
        (9, "\u2028"),
        (10, ",".join(["1"] * (MAX_RFCS + 1))),
        (10, ""),
        (11, "5x"),
        (12, "20-24"),
        (12, "5-3"),
        (13, "x" * (MAX_PASSAGE + 1)),
        (13, "\x9b"),
    ],
)
def test_refused(field: int, value: str) -> None:
    parts = encode_hit(HIT).split("\t")
    parts[field] = value
    with pytest.raises(BadRequest):
        parse_hit("\t".join(parts))


def test_another_number_of_fields() -> None:
    for line in ("", encode_hit(HIT) + "\t", encode_hit(HIT).rpartition("\t")[0]):
        with pytest.raises(BadRequest):
            parse_hit(line)
