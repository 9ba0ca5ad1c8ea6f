"""The two requests of the course handout: their first lines, the head of an answer, records, and numbers in names."""

from __future__ import annotations

import re

import pytest

from p2p_twisted.wire.encode import encode_response
from p2p_twisted.wire.errors import PHRASES, BadRequest
from p2p_twisted.wire.handout import STATUSES, encode_rfc_record, rfc_number
from p2p_twisted.wire.limits import MAX_RFC
from p2p_twisted.wire.messages import GetIndex, GetRfc, GetRfcIndex, Message, Request, Response, Version
from p2p_twisted.wire.records import IndexRecord
from tests.support.protocol_text import GRAMMAR, blocks, sent
from tests.support.wire_receivers import parse

EXAMPLES = [block for block in blocks("none") if block.startswith("H->")]
HEAD = b"\r\nHost: 10.0.0.1\r\nOS: Mac OS 10.4.1\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"GET RFC-Index P2P-DI/1.0", GetRfcIndex()),
        (b"GET RFC-INDEX P2P-DI/1.0", GetRfcIndex()),
        (b"GET RFC 1 P2P-DI/1.0", GetRfc(1)),
        (b"GET RFC 99999 P2P-DI/1.0", GetRfc(MAX_RFC)),
    ],
)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_requests(line: bytes, message: Message, end: bytes) -> None:
    wire = (line + HEAD).replace(b"\r\n", end)
    assert parse(wire) == [Request(message, Version.HANDOUT, "10.0.0.1", "Mac OS 10.4.1")]
    assert GRAMMAR.pattern("handout-request").fullmatch(wire)


@pytest.mark.parametrize(
    "line",
    [
        *(b"GET RFC-Index P2P_DI_1.0", b"GET RFC-Index P2P-DI/1.1", b"GET RFC-Indexes P2P-DI/1.0"),
        *(b"GET RFC 1 P2P_DI_1.0", b"GET RFC 1 P2P-DI/1.1", b"GET rfc 1 P2P-DI/1.0", b"GET RFC  1 P2P-DI/1.0"),
        *(b"GET RFC P2P-DI/1.0", b"GET RFC 0 P2P-DI/1.0", b"GET RFC 100000 P2P-DI/1.0", b"GET RFC 01 P2P-DI/1.0"),
        *(b"GET RFC 1 1 P2P-DI/1.0", b"GET RFC +1 P2P-DI/1.0", b"GET RFC \xff P2P-DI/1.0", b"GET RFC 1 P2P-DI/1.0 "),
    ],
)
def test_what_is_refused(line: bytes) -> None:
    assert not GRAMMAR.pattern("handout-request").fullmatch(line + HEAD)
    with pytest.raises(BadRequest):
        parse(line + HEAD)


def test_it_has_no_other_headers() -> None:
    with pytest.raises(BadRequest):
        parse(b"GET RFC 1 P2P-DI/1.0\r\nDate: today" + HEAD)


def test_an_index_in_1_0_is_asked_for_with_the_same_version_word() -> None:
    assert parse(b"GET INDEX P2P-DI/1.0" + HEAD) == [Request(GetIndex(), Version.V10, "10.0.0.1", "Mac OS 10.4.1")]


def test_heads() -> None:
    assert STATUSES.keys() == PHRASES.keys()
    for status in STATUSES:
        head = encode_response(Response(status, Version.HANDOUT, "10.0.0.1", "Linux", 5, size=9, index="1.1"))
        assert GRAMMAR.pattern("handout-response").fullmatch(head + b"12345")
        assert head.count(b"\r\n") == head.count(b"\n") == 5


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("rfc8446.txt", 8446), ("rfc8446.txt.pdf", 8446), ("RFC 791.pdf", 791), ("rfc-0791.txt.gz", 791)),
        *(("rfc1", 1), ("a/rfc_1/rfc2.txt", 2), ("rfc00001", 1), ("rfc99999.html", MAX_RFC)),
        *(("rfc0.txt", None), ("rfc100000", None), ("rfc.txt", None), ("xrfc1.txt", None), ("rfc1-errata.txt", None)),
        *(
            ("rfc1/plan.txt", None),
            ("rfc1.a.b.c", None),
            ("rfc1.", None),
            ("rfc\u0661.txt", None),
            ("draft-rfc1.txt", None),
        ),
    ],
)
def test_numbers_in_names(name: str, number: int | None) -> None:
    assert rfc_number(name) == number


def test_records() -> None:
    line = encode_rfc_record(IndexRecord("rfc1149.txt", "Avian Carriers", "10.0.0.1", 65400, 7200, 5, "ab" * 32, ""))
    assert line is not None and GRAMMAR.pattern("handout-index").fullmatch(f"{line}\n".encode())
    assert line == "1149\tAvian Carriers\t10.0.0.1\t7200\r"
    assert encode_rfc_record(IndexRecord("README", "", "10.0.0.1", 65400, 7200)) is None


@pytest.mark.parametrize("block", EXAMPLES)
def test_examples_are_in_the_grammar(block: str) -> None:
    assert all(re.fullmatch(r"(H->P|P->H)(  .*\S)?", line) for line in block.splitlines() if line)
    assert GRAMMAR.pattern("handout-request").fullmatch(sent(block, "H->P").replace(b"\n", b"\r\n"))
    assert GRAMMAR.pattern("handout-response").fullmatch(sent(block, "P->H").replace(b"\n", b"\r\n"))
