"""Response heads: those accepted, habits of other servers, and hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.wire.encode import encode_response
from p2p_twisted.wire.errors import PHRASES, REFUSALS, BadRequest, WireError
from p2p_twisted.wire.limits import MAX_HEAD, MAX_HEAD_LINES, MAX_LINE, MAX_SIZE
from p2p_twisted.wire.messages import Response, Version
from p2p_twisted.wire.response_parser import ResponseParser
from tests.support.wire_receivers import parse_head
from tests.support.wire_strategies import damaged, responses

HEAD = b"200 OK P2P-CI/1.1\nHost: 10.0.0.2\nOS: Linux\n"


def refused(wire: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_head(wire)


@pytest.mark.parametrize("first", [b"200 OK P2P-CI/1.0", b"200 P2P-CI/1.0", b"200 Fine with me P2P-DI_1.0"])
def test_phrase_and_spelling_are_ignored(first: bytes) -> None:
    assert parse_head(first + b"\nHost: a\nOS: Linux\n\n") == Response(200, Version.V10, "a", "Linux")


def test_the_envelope_of_1_0_is_ignored() -> None:
    assert parse_head(b"200 OK P2P-CI/1.0\n\n") == Response(200, Version.V10, "", "")
    assert parse_head(b"200 OK P2P-CI/1.0\nHost\nOS \n(none)\n\n") == Response(200, Version.V10, "", "")
    assert parse_head(b"200 OK P2P-CI/1.0\nHost fe80::1\nOS a: b\n\n") == Response(200, Version.V10, "fe80::1", "a: b")


def test_headers_of_1_1_mean_nothing_in_1_0() -> None:
    response = parse_head(b"200 OK P2P-CI/1.0\nHost: a\nOS: b\nLength: many\n\n")
    assert response.length is None


def test_unknown_headers_are_ignored() -> None:
    assert parse_head(HEAD + b"Length: 5\nX-Colour: blue\n\n") == parse_head(HEAD + b"Length: 5\n\n")


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"200",
        b"200 OK",
        b"OK 200 P2P-CI/1.0",
        b"200 OK P2P-CI/1.2",
        b"200 OK P2P-CI/1.0 ",
        b"200 OK HTTP/1.1",
        b"HTTP/1.1 200 OK",
        b"404 NOT_FOUND P2P-CI/1.0",
        b"0200 OK P2P-CI/1.0",
        "٢٠٠ OK P2P-CI/1.0".encode(),
        b"200 O\x1bK P2P-CI/1.0",
        b"200 \xff P2P-CI/1.0",
    ],
)
def test_first_lines_that_are_no_response(first: bytes) -> None:
    refused(first + b"\nHost: a\nOS: b\n\n")


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"length: 5\n",
        b"Length: \n",
        b"Length: +5\n",
        b"Length: 05\n",
        b"Length: -1\n",
        b"Length: %d\n" % (MAX_SIZE + 1),
        b"Length: 5\nLength: 5\n",
        b"Length: 5\nHost: b\n",
        b"Length: 5\nSize: five\n",
        b"Length: 5\nSHA-256: " + b"AB" * 32 + b"\n",
        b"Length: 5\nMore: no\n",
        b"Length: 5\nModified: \n",
        b"Length: 5\nModified: 0\n",
        b"Length: 5\nModified: 1969-12-31 23:59:59\n",
        b"Length: 5\nModified: 2026-02-29 00:00:00\n",
        b"Length: 5\nModified: 2026-02-28 24:00:00\n",
        b"Length: 5\nModified: 2026-02-28T12:00:00\n",
        b"Length: 5\nModified: 2026-02-28 12:00:00Z\n",
        b"Length: 5\nModified: 2026-02-28 12:00:60\n",
        b"Length: 5\nModified: 2026-2-28 12:00:00\n",
        b"Length: 5\nModified: Sat, 28 Feb 2026 12:00:00 GMT\n",
        b"Length: 5\nRange: 4-0\n",
        b"Length: 5\nRange: 0-5\n",
        b"Length: 0\nRange: 0-0\n",
        b"Length: 5\nSite: \n",
        b"Length: 5\nSite: two words\n",
        b"Length: 5\nSite: 10.1.2.0/24\n",
        b"Length: 5\nSite: " + b"x" * 65 + b"\n",
        b"Length: 5\nOS\n",
        b"Length: 5\nX: \x1b[2J\n",
    ],
)
def test_headers_of_1_1(headers: bytes) -> None:
    refused(HEAD + headers + b"\n")


def test_limits() -> None:
    with pytest.raises(BadRequest, match=str(MAX_LINE)):
        ResponseParser().line(b"x" * (MAX_LINE + 1))
    refused(HEAD + b"".join(b"X%d: \n" % i for i in range(MAX_HEAD_LINES)) + b"\n")
    refused(HEAD + b"".join(b"X%d: %s\n" % (i, b"x" * 1000) for i in range(MAX_HEAD // 1000)) + b"\n")


@given(st.data(), responses())
def test_damaged_responses(data: st.DataObject, answer: tuple[Response, bytes]) -> None:
    parser = ResponseParser()
    try:
        for line in data.draw(damaged(encode_response(answer[0]))).split(b"\n"):
            response = parser.line(line)
            if response is not None:
                assert parse_head(encode_response(response)) == response
    except BadRequest:
        pass


@pytest.mark.parametrize("status", sorted(PHRASES))
def test_every_status_but_200_is_an_error(status: int) -> None:
    response = Response(status, Version.V10, "a", "b")
    assert response.ok == (status not in REFUSALS)
    if not response.ok:
        error = REFUSALS[status]("no such thing")
        assert isinstance(error, WireError)
        assert (error.status, error.reason, str(error)) == (status, "no such thing", "no such thing")


@given(st.data(), responses())
def test_a_whole_head_is_taken_as_its_lines_are(data: st.DataObject, response: tuple[Response, bytes]) -> None:
    """Or not at all. Twice, since heads are remembered."""
    head = data.draw(damaged(response[1].partition(b"\n\n")[0])).partition(b"\n\n")[0]
    for _ in range(2):
        found = ResponseParser().whole(head)
        assert found is None or found == parse_head(head + b"\n\n")


def test_the_heads_of_peers_are_taken_whole() -> None:
    head = HEAD + b"Length: 5"
    assert ResponseParser().whole(head) == parse_head(head + b"\n\n")


@pytest.mark.parametrize(
    "head", [b"", HEAD + b"Length: 5\r", HEAD + b"a: b\n" * MAX_HEAD_LINES + b"Length: 5", b"200 OK"]
)
def test_other_heads_are_left_to_be_taken_line_by_line(head: bytes) -> None:
    assert ResponseParser().whole(head) is None


def test_the_rest_of_a_head_is_not_a_whole_one() -> None:
    parser = ResponseParser()
    parser.line(b"200 OK P2P-CI/1.1")
    assert parser.whole(HEAD + b"Length: 5") is None
