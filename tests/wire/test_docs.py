"""docs/protocol.rst says what the wire floor does: its examples and its tables are read and tried."""

from __future__ import annotations

import hashlib
import re

import pytest

from p2p_twisted import serving
from p2p_twisted.library.pieces import piece_count, piece_size
from p2p_twisted.wire import fields, limits
from p2p_twisted.wire.encode import encode_request, encode_response
from p2p_twisted.wire.errors import PHRASES, BadRequest
from p2p_twisted.wire.messages import GetFile, GetIndex, PQuery, Register, Request, Response, Version
from p2p_twisted.wire.methods import METHODS, ONLY_1_1
from p2p_twisted.wire.parser import VERSIONS
from p2p_twisted.wire.records import encode_record, parse_record

from .harness import ResponseReceiver, parse, receive
from .protocol_text import EXAMPLES, GRAMMAR, TEXT, blocks, sent, tables

Answers = list[tuple[Response, bytes]]


def asked(block: str) -> list[Request]:
    return parse(sent(block, "C->RS|C->P"))


def answered(block: str) -> Answers:
    receiver = ResponseReceiver()
    receive(receiver, [sent(block, "RS->C|P->C")])
    return receiver.responses


@pytest.mark.parametrize("block", EXAMPLES)
def test_every_line_of_an_example_has_an_arrow(block: str) -> None:
    for line in block.splitlines():
        assert not line or re.fullmatch(r"(C->(RS|P)|(RS|P)->C)(  .*\S)?", line)


@pytest.mark.parametrize("block", EXAMPLES)
def test_requests_of_the_examples(block: str) -> None:
    wire = sent(block, "C->RS|C->P")
    try:
        found = parse(wire)
    except BadRequest as error:
        assert answered(block) == [(answered(block)[0][0], f"{error.reason}\n".encode())]
        return
    said = b"".join(encode_request(request, b"\nLength: " in wire) for request in found)
    assert said == wire.replace(b"cookie:6\ncookie:", b"cookie:6\nport:")
    assert GRAMMAR.pattern("request").match(wire)


@pytest.mark.parametrize("block", EXAMPLES)
def test_answers_of_the_examples(block: str) -> None:
    found = answered(block)
    assert b"".join(encode_response(response) + body for response, body in found) == sent(block, "RS->C|P->C")
    for response, body in found:
        assert response.length in (None, len(body))
        assert GRAMMAR.pattern("response").fullmatch(encode_response(response) + body)
        assert response.ok or GRAMMAR.pattern("reason").fullmatch(body)


@pytest.mark.parametrize("block", [block for block in EXAMPLES if "300 BAD" not in block])
def test_answers_fit_what_was_asked(block: str) -> None:
    for request, (response, body) in zip(asked(block), answered(block), strict=True):
        assert request.version is response.version
        if response.ok:
            check_body(request, response, body)


def check_body(request: Request, response: Response, body: bytes) -> None:
    """A granted answer of the examples has the body of its message."""
    lines = body.decode().splitlines()
    if isinstance(request.message, Register):
        assert GRAMMAR.pattern("given-cookie").fullmatch(body)
    elif isinstance(request.message, PQuery):
        assert GRAMMAR.pattern("peer-list").fullmatch(body)
        assert [fields.address(line) for line in lines] == sorted(fields.address(line) for line in lines)
    elif isinstance(request.message, GetIndex):
        assert GRAMMAR.pattern("index").fullmatch(body)
        assert [encode_record(parse_record(line), request.version) for line in lines] == lines
    elif isinstance(request.message, GetFile):
        content = b"Read me first\n"
        first, last = request.message.span or (0, len(content) - 1)
        assert body == content[first : last + 1]
        assert response.span == request.message.span
        if request.version is Version.V11:
            assert (response.size, response.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_netcat() -> None:
    """What the commands print is what they say; the last one is the mistake."""
    *good, bad = re.findall(r"printf ['\"](.*?)['\"] ", "".join(blocks("sh")))
    for text in good:
        wire = text.replace("\\n", "\n").replace("$cookie", "4").replace("%s", "4").encode()
        [request] = parse(wire)
        assert (request.host, request.os) == ("127.0.0.1", "netcat")
    with pytest.raises(BadRequest):
        parse(bad.replace("\\n", "\n").encode())


NOT_YET = {"GET PIECES", "GET NEXT", "CANCEL FILE"}
"""Messages that nobody serves yet."""


def test_every_message_has_an_example() -> None:
    spoken = {
        sent(block, "C->RS|C->P").split(b" P2P_DI_")[0].decode() + v for block in EXAMPLES for v in versions(block)
    }
    known = {what + version for what in METHODS for version in (" 1.0", " 1.1")}
    assert spoken == known - {f"{what} 1.0" for what in ONLY_1_1} - {f"{what} 1.1" for what in NOT_YET}


def versions(block: str) -> set[str]:
    return {f" {word}" for word in re.findall(r"P2P_DI_(1\.\d)", block)}


def test_every_status_has_an_example_and_a_row() -> None:
    seen = {response.status for block in EXAMPLES for response, _ in answered(block)}
    rows = {int(row[0]): row[1].strip("`") for table in tables() for row in table if re.fullmatch(r"\d{3}", row[0])}
    assert seen == set(PHRASES)
    assert rows == PHRASES


# the numbers


def test_limits() -> None:
    said = {row[0]: int(row[1].split()[0]) for table in tables() for row in table if row[0] in LIMITS}
    assert said == LIMITS


LIMITS = {
    "a line, without its end": limits.MAX_LINE,
    "lines of a head, without the empty one": limits.MAX_HEAD_LINES,
    "a head, each line's end counted as two": limits.MAX_HEAD,
    "data of a request": limits.MAX_DATA,
    "a document's name, type included": limits.MAX_NAME,
    "a title": limits.MAX_TITLE,
    "a cookie": limits.MAX_COOKIE,
    "a cookie given to a client of 1.0": limits.MAX_COOKIE_1_0,
    "a size, a length, an offset": limits.MAX_SIZE,
    "an answer to GET INDEX": limits.MAX_INDEX,
    "an answer to PQuery": limits.MAX_PEER_LIST,
}


def test_port_and_ttl() -> None:
    assert f"The RS listens on port {limits.RS_PORT} " in TEXT
    assert f"The TTL is set to {limits.TTL} s" in TEXT


def test_connections() -> None:
    assert f"At most {serving.MAX_WAITING} requests may be" in TEXT
    assert (
        f"complete {serving.REQUEST_TIME} s after its first byte, the first one {serving.REQUEST_TIME} s after" in TEXT
    )
    assert f"nothing is asked for {serving.IDLE_TIME} s" in TEXT
    assert f"takes nothing of an answer for {serving.STALL_TIME} s" in TEXT


def test_versions() -> None:
    [table] = [table for table in tables() if table[0][0] == "1.0"]
    for name, requested, answer in table:
        version = Version(answer.strip("`"))
        assert version.name == f"V{name.replace('.', '')}"
        spelt = [word.strip("`") for word in requested.split(", ")]
        assert spelt == [word for word, meant in VERSIONS.items() if meant is version]


def test_pieces() -> None:
    [table] = [table for table in tables() if table[0] == ["0", "65536", "0"]]
    for size, piece, count in table:
        assert (piece_size(int(size)), piece_count(int(size))) == (int(piece), int(count))


def test_names() -> None:
    [table] = [table for table in tables() if table[0][0] == "rfc8446.txt.pdf"]
    for name, stem, *kind in table:
        assert fields.split_type(name) == (stem, "".join(kind))
