"""The grammar of docs/protocol.rst and the parsers take and refuse the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.wire import fields, limits
from p2p_twisted.wire.changes import Change, Heard, encode_change
from p2p_twisted.wire.encode import encode_request, encode_response
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.messages import Request, Response, Version
from p2p_twisted.wire.parser import RequestParser
from p2p_twisted.wire.records import IndexRecord, encode_record
from tests.support.protocol_text import GRAMMAR, LIKELY
from tests.support.wire_strategies import changes, damaged, records, requests, responses


@given(requests(), st.sampled_from([b"\n", b"\r\n"]))
def test_encoded_messages_are_in_the_grammar(request: Request, end: bytes) -> None:
    assert GRAMMAR.pattern("request").fullmatch(encode_request(request, length=True).replace(b"\n", end))


def test_characters() -> None:
    char = GRAMMAR.pattern("char")
    edges = (0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF)
    for code in (*range(0x3000), *edges):
        assert bool(char.fullmatch(chr(code).encode())) != fields.has_control(chr(code))
    for no_utf8 in (b"\x80", b"\xc1\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80"):
        assert not char.fullmatch(no_utf8)


@pytest.mark.parametrize(
    ("rule", "most"), [("os-text", 255), ("address", 255), ("title", limits.MAX_TITLE), ("index-version", 64)]
)
def test_longest_texts(rule: str, most: int) -> None:
    assert GRAMMAR.pattern(rule).fullmatch(b"x" * most)
    assert not GRAMMAR.pattern(rule).fullmatch(b"x" * (most + 1))


@given(responses())
def test_responses_are_in_the_grammar(answer: tuple[Response, bytes]) -> None:
    assert GRAMMAR.pattern("response").fullmatch(encode_response(answer[0]) + answer[1])


@given(changes)
def test_changes_are_in_the_grammar(change: Change | Heard) -> None:
    assert GRAMMAR.pattern("changes").fullmatch(f"{encode_change(change)}\n".encode())


@given(records(Version.V11))
def test_records_are_in_the_grammar(record: IndexRecord) -> None:
    assert GRAMMAR.pattern("index").fullmatch(f"{encode_record(record, Version.V11)}\n".encode())


def first_request(wire: bytes) -> tuple[bytes, Request] | None:
    """The first request in `wire` and the bytes that it took."""
    parser, taken = RequestParser(), 0
    for line in wire.split(b"\n")[:-1]:
        taken += len(line) + 1
        request = parser.line(line)
        if request is not None:
            return wire[:taken], request
    return None


@given(st.data(), requests(), st.booleans())
def test_accepted_messages_are_in_the_grammar(data: st.DataObject, request: Request, length: bool) -> None:
    try:
        found = first_request(data.draw(damaged(encode_request(request, length))) + b"\n")
    except BadRequest:
        return
    assert found is None or GRAMMAR.pattern("request").fullmatch(found[0])


BEYOND = "a second|needs a Host and an OS|decimal number from|or than Length says|too long|data lines|FIRST not after"
BEYOND += (
    "|must not be empty|after the first line come|a name has at most|needs the header|in P2P.DI.1.0|Follow needs Since"
)
BEYOND += "|an IP address or a host name"
BEYOND += "|GET NEXT names|pieces must be ascending|a version of an index|can only be yes|a search has"
"""Why something in the grammar may be refused all the same: the rules that the page states in words."""


@given(st.from_regex(LIKELY.pattern("request"), fullmatch=True))
def test_messages_in_the_grammar_are_accepted(wire: bytes) -> None:
    try:
        found = first_request(wire)
    except BadRequest as error:
        assert re.search(BEYOND, error.reason)
    else:
        assert (found and found[0] == wire) or b"\nLength: " in wire
