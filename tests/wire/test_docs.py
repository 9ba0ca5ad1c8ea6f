"""docs/protocol.rst says what the wire floor does: its examples, its grammar and its numbers are read and tried."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.library.pieces import piece_count, piece_size
from p2p_twisted.wire import fields, limits
from p2p_twisted.wire.encode import encode_request, encode_response
from p2p_twisted.wire.errors import PHRASES, BadRequest
from p2p_twisted.wire.messages import GetFile, GetIndex, PQuery, Register, Request, Response, Version
from p2p_twisted.wire.parser import METHODS, VERSIONS, RequestParser
from p2p_twisted.wire.records import IndexRecord, encode_record, parse_record

from .abnf import Grammar
from .harness import ResponseReceiver, parse, receive
from .strategies import damaged, records, requests, responses

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.rst").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The code blocks of `kind`, without their indentation."""
    found = re.findall(rf"^\.\. code-block:: {kind}\n\n((?:   .*\n|\n)+)", TEXT, re.MULTILINE)
    return ["\n".join(line[3:] for line in block.rstrip().split("\n")) + "\n" for block in found]


def sent(block: str, arrow: str) -> bytes:
    """The bytes that go in the direction of `arrow` (a regular expression) in an example."""
    lines = (line.replace("⇥", "\t") for line in re.findall(rf"^(?:{arrow})(?:  (.+))?$", block, re.MULTILINE))
    return "".join(line[:-1] if line.endswith("\\") else f"{line}\n" for line in lines).encode()


def tables() -> list[list[list[str]]]:
    """The rows of each simple table, a list of cells each; a row that goes on over more lines is left in pieces."""
    found = re.findall(r"^=+(?:  =+)+\n.*?\n(=+(?:  =+)+)\n(.*?)\n\1\n", TEXT, re.MULTILINE | re.DOTALL)
    return [[re.split(r"  +", row) for row in body.split("\n")] for _, body in found]


EXAMPLES = [block for block in blocks("none") if block.startswith("C->")]
GRAMMAR = Grammar("".join(blocks("abnf")))
LIKELY = Grammar("".join(blocks("abnf")).replace("2*31( host / os / header )", "host os *1header"))
"""The same with heads that have, by chance, what a head must have."""
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


def test_every_message_has_an_example() -> None:
    spoken = {
        sent(block, "C->RS|C->P").split(b" P2P_DI_")[0].decode() + v for block in EXAMPLES for v in versions(block)
    }
    assert spoken == {what + version for what in METHODS for version in (" 1.0", " 1.1")}


def versions(block: str) -> set[str]:
    return {f" {word}" for word in re.findall(r"P2P_DI_(1\.\d)", block)}


def test_every_status_has_an_example_and_a_row() -> None:
    seen = {response.status for block in EXAMPLES for response, _ in answered(block)}
    rows = {int(row[0]): row[1].strip("`") for table in tables() for row in table if re.fullmatch(r"\d{3}", row[0])}
    assert seen == set(PHRASES)
    assert rows == PHRASES


# the grammar


@given(requests(), st.sampled_from([b"\n", b"\r\n"]))
def test_what_is_encoded_is_in_the_grammar(request: Request, end: bytes) -> None:
    assert GRAMMAR.pattern("request").fullmatch(encode_request(request, length=True).replace(b"\n", end))


def test_characters() -> None:
    char = GRAMMAR.pattern("char")
    edges = (0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF)
    for code in (*range(0x3000), *edges):
        assert bool(char.fullmatch(chr(code).encode())) != fields.has_control(chr(code))
    for no_utf8 in (b"\x80", b"\xc1\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80"):
        assert not char.fullmatch(no_utf8)


@pytest.mark.parametrize(("rule", "most"), [("os-text", 255), ("address", 255), ("title", limits.MAX_TITLE)])
def test_longest_texts(rule: str, most: int) -> None:
    assert GRAMMAR.pattern(rule).fullmatch(b"x" * most)
    assert not GRAMMAR.pattern(rule).fullmatch(b"x" * (most + 1))


@given(responses())
def test_responses_are_in_the_grammar(answer: tuple[Response, bytes]) -> None:
    assert GRAMMAR.pattern("response").fullmatch(encode_response(answer[0]) + answer[1])


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
def test_what_is_taken_is_in_the_grammar(data: st.DataObject, request: Request, length: bool) -> None:
    try:
        found = first_request(data.draw(damaged(encode_request(request, length))) + b"\n")
    except BadRequest:
        return
    assert found is None or GRAMMAR.pattern("request").fullmatch(found[0])


BEYOND = "a second|needs a Host and an OS|decimal number from|or than Length says|too long|data lines|FIRST not after"
BEYOND += "|must not be empty|after the first line come|a name has at most"
"""Why something in the grammar may be refused all the same: the rules that the page states in words."""


@given(st.from_regex(LIKELY.pattern("request"), fullmatch=True))
def test_what_is_in_the_grammar_is_taken(wire: bytes) -> None:
    try:
        found = first_request(wire)
    except BadRequest as error:
        assert re.search(BEYOND, error.reason)
    else:
        assert (found and found[0] == wire) or b"\nLength: " in wire


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
