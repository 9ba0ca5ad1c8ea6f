"""The bytes of 1.0, one by one, as clients in the field send them and must get them back."""

from __future__ import annotations

import pytest

from p2p_twisted.wire.encode import encode_request, encode_response
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.fields import LAST_MODIFIED
from p2p_twisted.wire.messages import (
    Cancel,
    GetFile,
    GetIndex,
    GetNext,
    GetPieces,
    KeepAlive,
    Leave,
    Message,
    PQuery,
    Register,
    Request,
    Response,
    Version,
)
from p2p_twisted.wire.parser import RequestParser
from tests.support.wire_receivers import parse, parse_head

HEAD = b"Host 10.153.44.84\nOS Mac OS X\n\n"

EXACT: list[tuple[bytes, bytes, Message]] = [
    (b"Register NULL P2P_DI_1.0\n", b"cookie:\nport:4394\n", Register(None, 4394)),
    (b"Register NULL P2P_DI_1.0\n", b"cookie:4\nport:4394\n", Register(4, 4394)),
    (b"Leave NULL P2P_DI_1.0\n", b"cookie:4\nport:4394\n", Leave(4, 4394)),
    (b"KeepAlive NULL P2P_DI_1.0\n", b"cookie:4\nport:4394\n", KeepAlive(4, 4394)),
    (b"PQuery NULL P2P_DI_1.0\n", b"cookie:6\nport:4396\n", PQuery(6, 4396)),
    (b"GET INDEX P2P_DI_1.0\n", b"", GetIndex()),
    (b"GET FILE P2P_DI_1.0\n", b"rfc8446.txt\npdf\n", GetFile("rfc8446.txt.pdf")),
    (b"GET FILE P2P_DI_1.0\n", b"README\n\n", GetFile("README")),
    (b"GET FILE P2P_DI_1.0\n", b"notes/2026/a b\ntxt\n", GetFile("notes/2026/a b.txt")),
    (b"GET FILE P2P_DI_1.0\n", "Übung\npdf\n".encode(), GetFile("Übung.pdf")),
]
exact = pytest.mark.parametrize(("first", "data", "message"), EXACT)


def v10(message: Message) -> Request:
    return Request(message, Version.V10, "10.153.44.84", "Mac OS X")


@exact
def test_encodes_to_exactly_these_bytes(first: bytes, data: bytes, message: Message) -> None:
    assert encode_request(v10(message)) == first + HEAD + data


@exact
def test_length_is_not_said_in_1_0(first: bytes, data: bytes, message: Message) -> None:
    assert encode_request(v10(message), length=True) == first + HEAD + data


@exact
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("envelope", [b"Host 10.153.44.84\nOS Mac OS X\n", b"OS: Mac OS X\nHost: 10.153.44.84\n"])
@pytest.mark.parametrize("word", [b"P2P_DI_1.0", b"P2P-DI_1.0", b"P2P-DI/1.0"])
def test_every_spelling(first: bytes, data: bytes, message: Message, end: bytes, envelope: bytes, word: bytes) -> None:
    wire = first.replace(b"P2P_DI_1.0", word) + envelope + b"\n" + data
    assert parse(wire.replace(b"\n", end)) == [v10(message)]


@pytest.mark.parametrize("word", [b"P2P_DI_1.1", b"P2P-DI_1.1", b"P2P-DI/1.1"])
def test_every_spelling_of_1_1(word: bytes) -> None:
    [request] = parse(b"KeepAlive NULL " + word + b"\n" + HEAD + b"cookie:4\nport:4394\n")
    assert request.version is Version.V11


def test_answers_without_waiting_for_more() -> None:
    """Existing clients keep their side open: the request is there with its last line."""
    for first, data, message in EXACT:
        parser = RequestParser()
        *before, last = [parser.line(line) for line in (first + HEAD + data).split(b"\n")[:-1]]
        assert before == [None] * len(before)
        assert last == v10(message)
        assert parser.idle


def test_the_port_of_pquery_may_be_labelled_cookie() -> None:
    wire = b"PQuery NULL P2P_DI_1.0\n" + HEAD + b"cookie:6\ncookie:4396\n"
    assert parse(wire) == [v10(PQuery(6, 4396))]


@pytest.mark.parametrize("method", [b"Register", b"Leave", b"KeepAlive"])
def test_no_other_port_may_be_labelled_cookie(method: bytes) -> None:
    with pytest.raises(BadRequest, match="port:VALUE"):
        parse(method + b" NULL P2P_DI_1.0\n" + HEAD + b"cookie:6\ncookie:4396\n")


@pytest.mark.parametrize("index", [b"INDEX", b"Index", b"index", b"iNDEX"])
def test_index_in_any_case_with_null_lines_after_it(index: bytes) -> None:
    parser = RequestParser()
    head = b"GET " + index + b" P2P_DI_1.0\n" + HEAD
    found = [parser.line(line) for line in (head + b"NULL\nNULL\n").split(b"\n")[:-1]]
    assert found == [None, None, None, v10(GetIndex()), None, None]


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET",
        b"GET INDEX",
        b"GET  INDEX P2P_DI_1.0",
        b" GET INDEX P2P_DI_1.0",
        b"GET INDEX P2P_DI_1.0 ",
        b"get INDEX P2P_DI_1.0",
        b"GET NULL P2P_DI_1.0",
        b"GET / HTTP/1.1",
        b"register NULL P2P_DI_1.0",
        b"Register null P2P_DI_1.0",
        b"GET INDEX P2P_DI_1.2",
        b"GET INDEX P2P_DI/1.0",
        b"GET INDEX p2p_di_1.0",
        b"GET \xc4\xb0NDEX P2P_DI_1.0",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_other_first_lines_are_refused(first: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(first + b"\n" + HEAD)


@pytest.mark.parametrize(
    ("status", "phrase"), [(100, b"FILE_NOT_FOUND"), (200, b"OK"), (300, b"BAD_REQUEST"), (403, b"FORBIDDEN")]
)
def test_responses_have_four_lines_and_the_data_starts_on_the_fifth(status: int, phrase: bytes) -> None:
    response = Response(status, Version.V10, "10.153.15.5", "Linux")
    wire = b"%d %s P2P-CI/1.0\nHost: 10.153.15.5\nOS: Linux\n\n" % (status, phrase)
    assert encode_response(response) == wire
    assert parse_head(wire) == parse_head(wire.replace(b"\n", b"\r\n")) == response


def test_nothing_of_1_1_is_said_in_a_response_of_1_0() -> None:
    response = Response(200, Version.V10, "10.153.15.5", "Linux", 5, 9, "ab" * 32, (0, 4), True)
    assert encode_response(response) == b"200 OK P2P-CI/1.0\nHost: 10.153.15.5\nOS: Linux\n\n"


def test_headers_of_1_1() -> None:
    query = Request(PQuery(6, 4396, 50, ("10.0.0.9", 4391)), Version.V11, "10.0.0.1", "Linux")
    assert encode_request(query, length=True) == (
        b"PQuery NULL P2P_DI_1.1\nHost 10.0.0.1\nOS Linux\n"
        b"Limit: 50\nAfter: 10.0.0.9 4391\nLength: 19\n\ncookie:6\nport:4396\n"
    )
    get = Request(GetFile("a.pdf", (65536, 131071), "0f" * 32), Version.V11, "10.0.0.1", "Linux")
    assert encode_request(get) == (
        b"GET FILE P2P_DI_1.1\nHost 10.0.0.1\nOS Linux\nSHA-256: " + b"0f" * 32 + b"\nRange: 65536-131071\n\na\npdf\n"
    )


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (GetIndex("0", True), b"GET INDEX P2P_DI_1.1\n%s\nSince: 0\nFollow: yes\n\n"),
        (GetPieces("0a" * 32), b"GET PIECES P2P_DI_1.1\n%s\nSHA-256: " + b"0a" * 32 + b"\n\n"),
        (
            GetNext((("0a" * 32, ((0, 3), (7, 7))),)),
            b"GET NEXT P2P_DI_1.1\n%s\nLength: 71\n\n" + b"0a" * 32 + b" 0-3,7\n",
        ),
        (Cancel("0a" * 32, (0, 9)), b"CANCEL FILE P2P_DI_1.1\n%s\nSHA-256: " + b"0a" * 32 + b"\nRange: 0-9\n\n"),
    ],
)
def test_swarm(message: Message, wire: bytes) -> None:
    request = Request(message, Version.V11, "10.0.0.1", "Linux")
    assert encode_request(request) == wire.replace(b"%s", b"Host 10.0.0.1\nOS Linux")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, b"1970-01-01 00:00:00"), (951_782_400, b"2000-02-29 00:00:00"), (LAST_MODIFIED, b"9999-12-31 23:59:59")],
)
def test_time_of_a_file(seconds: int, text: bytes) -> None:
    response = Response(200, Version.V11, "10.0.0.2", "Linux", 0, modified=seconds)
    wire = b"200 OK P2P-CI/1.1\nHost: 10.0.0.2\nOS: Linux\nLength: 0\nModified: " + text + b"\n\n"
    assert encode_response(response) == wire


def test_response_of_1_1() -> None:
    response = Response(200, Version.V11, "10.0.0.2", "Linux", 5, 9, "0f" * 32, (2, 6), True)
    assert encode_response(response) == (
        b"200 OK P2P-CI/1.1\nHost: 10.0.0.2\nOS: Linux\n"
        b"Length: 5\nSize: 9\nSHA-256: " + b"0f" * 32 + b"\nRange: 2-6\nMore: yes\n\n"
    )
