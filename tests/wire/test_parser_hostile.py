"""What no client should send: refused with BadRequest and nothing else, within bounded memory."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.limits import MAX_DATA, MAX_HEAD, MAX_HEAD_LINES, MAX_LINE, MAX_NAME, MAX_WANTS
from p2p_twisted.wire.messages import NO_COOKIE, GetFile, KeepAlive, Request
from p2p_twisted.wire.parser import METHODS, ONLY_1_1, VERSIONS, RequestParser
from tests.support.wire_receivers import RequestReceiver, parse, receive
from tests.support.wire_strategies import chunks, damaged, requests

HEAD = b"Host 10.0.0.1\nOS Linux\n"
KEEPALIVE = b"KeepAlive NULL P2P_DI_1.1\n" + HEAD
FILE = b"GET FILE P2P_DI_1.1\n" + HEAD

shapes = st.sampled_from(
    [f"{what} {word}".encode() for what in METHODS for word in VERSIONS]
    + [b"", b"Host 10.0.0.1", b"OS Linux", b"cookie:4", b"port:4394", b"Length: 19", b"Range: 0-1", b"After: a 1"]
)


def refused(wire: bytes) -> str:
    with pytest.raises(BadRequest) as caught:
        parse(wire)
    return caught.value.reason


def accepted(parser: RequestParser, line: bytes) -> Request | None:
    """The request that `line` completes, after a check that what was taken can be said again."""
    request = parser.line(line)
    if request is not None:
        assert parse(encode_request(request, length=True)) == [request]
    return request


@given(st.lists(shapes | st.binary(max_size=40), max_size=40))
def test_any_lines(lines: list[bytes]) -> None:
    parser = RequestParser()
    try:
        for line in lines:
            accepted(parser, line.replace(b"\n", b""))
    except BadRequest as error:
        assert error.status == 300
        assert error.reason.isprintable()


@given(st.data(), requests(), st.booleans())
def test_damaged_requests(data: st.DataObject, request: Request, length: bool) -> None:
    wire = data.draw(damaged(encode_request(request, length)))
    parser = RequestParser()
    try:
        for line in wire.split(b"\n"):
            accepted(parser, line)
    except BadRequest as error:
        assert error.reason.isprintable()


@given(st.data(), st.binary(max_size=400))
@example(None, b"\n" * 400)
def test_any_bytes_in_any_cut(data: st.DataObject | None, wire: bytes) -> None:
    receiver = RequestReceiver()
    transport = receive(receiver, data.draw(chunks(wire)) if data else [wire])
    assert transport.disconnecting == (receiver.refused is not None)


@pytest.mark.parametrize(
    "text", ["", "+4394", " 4394", "4394 ", "4_394", "٤٣٩٤", "04394", "-4394", "4394.0", "0x112A", "1e3"]
)
def test_numbers_are_plain_decimals(text: str) -> None:
    assert "port" in refused(KEEPALIVE + b"\ncookie:4\nport:" + text.encode() + b"\n")
    assert "cookie" in refused(KEEPALIVE + b"\ncookie:" + text.encode() + b"\nport:4394\n")
    assert refused(KEEPALIVE + b"Length: " + text.encode() + b"\n\ncookie:4\nport:4394\n")


def test_a_cookie_that_nobody_has() -> None:
    [request] = parse(KEEPALIVE + b"\ncookie:-1\nport:4394\n")
    assert request.message == KeepAlive(NO_COOKIE, 4394)
    for text in (b"-01", b"- 1", b"-1 "):
        assert "cookie" in refused(KEEPALIVE + b"\ncookie:" + text + b"\nport:4394\n")


@pytest.mark.parametrize("data", [b"cookie:4\nport:0\n", b"cookie:4\nport:65536\n", b"cookie:%d\nport:1\n" % 2**63])
def test_numbers_are_within_bounds(data: bytes) -> None:
    assert "decimal number from" in refused(KEEPALIVE + b"\n" + data)


@pytest.mark.parametrize("data", [b"port:4394\ncookie:4\n", b"Cookie:4\nport:4394\n", b"cookie 4\nport:4394\n"])
def test_data_lines_have_their_labels_in_their_order(data: bytes) -> None:
    assert "VALUE" in refused(KEEPALIVE + b"\n" + data)


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Host 10.0.0.1\n",
        b"OS Linux\n",
        HEAD + b"Host 10.0.0.1\n",
        HEAD + b"Host: 10.0.0.2\n",
        HEAD + b"OS Linux\n",
        HEAD + b"Limit: 1\nLimit: 1\n",
        b"Host 10.0.0.1 \nOS Linux\n",
        b"Host  10.0.0.1\nOS Linux\n",
        b"Host: \nOS Linux\n",
        b"Host \xc3\xa4\nOS Linux\n",
        b"Host " + b"a" * 256 + b"\nOS Linux\n",
        b"Host 10.0.0.1\nOS \n",
        b"Host 10.0.0.1\nOS: \n",
        b"Host 10.0.0.1\nOS \x00\n",
        b"Host 10.0.0.1\nOS: \x1bc\n",
        b"Host 10.0.0.1\nOS: Lin\xc2\x85ux\n",
        b"Host 10.0.0.1\nOS Lin\xffux\n",
        b"Host 10.0.0.1\nOS: " + b"x" * 256 + b"\n",
        HEAD + b"Limit 1\n",
        HEAD + b"Limit:1\n",
        HEAD + b" Limit: 1\n",
        HEAD + b"X: a\x00b\n",
        HEAD + b"NULL\n",
    ],
)
def test_headers(headers: bytes) -> None:
    assert refused(b"PQuery NULL P2P_DI_1.1\n" + headers + b"\ncookie:4\nport:4394\n")


def test_1_0_has_no_other_headers() -> None:
    assert "Host ADDRESS" in refused(b"PQuery NULL P2P_DI_1.0\n" + HEAD + b"Limit: 1\n\ncookie:4\nport:1\n")


@pytest.mark.parametrize("what", sorted(ONLY_1_1))
def test_1_0_has_no_swarm(what: str) -> None:
    assert "unknown method" in refused(f"{what} P2P_DI_1.0\n".encode() + HEAD + b"\n")


@pytest.mark.parametrize("wants", [0, MAX_WANTS + 1])
def test_get_next_names_a_bounded_number_of_files(wants: int) -> None:
    head = b"GET NEXT P2P_DI_1.1\n" + HEAD
    data = (b"0a" * 32 + b" 0\n") * wants
    assert "from 1 to" in refused(head + b"Length: %d\n\n" % len(data) + data)
    assert "Length" in refused(head + b"\n" + data)


@pytest.mark.parametrize("value", ["", "5", "5-", "-5", "5-4", "0--1", "+0-1", "0-1,3-4", "0 - 1", f"0-{2**63}"])
def test_ranges(value: str) -> None:
    assert "Range" in refused(FILE + f"Range: {value}\n\na\npdf\n".encode())


@pytest.mark.parametrize("value", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, " " + "0" * 63])
def test_hashes(value: str) -> None:
    assert "SHA-256" in refused(FILE + f"SHA-256: {value}\n\na\npdf\n".encode())


@pytest.mark.parametrize("value", ["10.0.0.1", "10.0.0.1 ", "10.0.0.1 0", "10.0.0.1  1", " 1", "10.0.0.1 1 2", "ä 1"])
def test_after(value: str) -> None:
    assert refused(b"PQuery NULL P2P_DI_1.1\n" + HEAD + f"After: {value}\n\ncookie:4\nport:1\n".encode())


@pytest.mark.parametrize("bad", ["\x00", "\t", "\r", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\u2029"])
@pytest.mark.parametrize("data", ["a{}b\npdf\n", "{}a\npdf\n", "ab\np{}df\n"])
def test_control_characters_in_names(bad: str, data: str) -> None:
    assert "control characters" in refused(FILE + b"\n" + data.format(bad).encode())


def test_names_are_utf8_and_bounded() -> None:
    assert "UTF-8" in refused(FILE + b"\na\xff\npdf\n")
    assert "UTF-8" in refused(FILE + b"\n\xed\xa0\x80\npdf\n")
    assert "empty" in refused(FILE + b"\n\n\n")
    longest = "ä" * ((MAX_NAME - 4) // 2)
    [request] = parse(FILE + f"\n{longest}\npdf\n".encode())
    assert request.message == GetFile(f"{longest}.pdf")
    assert str(MAX_NAME) in refused(FILE + f"\n{longest}a\npdf\n".encode())


@pytest.mark.parametrize("length", [0, 1, 8, 9, 10, 18, 20, MAX_DATA + 1])
def test_length_must_be_that_of_the_data(length: int) -> None:
    """19 bytes are right; less cuts a line or leaves one out, more goes on into what follows."""
    wire = KEEPALIVE + b"Length: %d\n\ncookie:4\nport:4394\n" % length
    assert refused(wire + KEEPALIVE + b"\ncookie:4\nport:4394\n")


def test_length_counts_line_ends_as_sent() -> None:
    assert len(parse((KEEPALIVE + b"Length: 21\n\ncookie:4\nport:4394\n").replace(b"\n", b"\r\n"))) == 1


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_longest_line(end: bytes) -> None:
    def keepalive(line: int) -> bytes:
        wire = KEEPALIVE + b"X: " + b"x" * (line - 3) + b"\n\ncookie:4\nport:4394\n"
        return wire.replace(b"\n", end)

    for size in (MAX_LINE, MAX_LINE + 1):
        receiver = RequestReceiver()
        receive(receiver, [keepalive(size)])
        assert (len(receiver.requests) == 1) == (receiver.refused is None) == (size == MAX_LINE)
    assert str(MAX_LINE) in refused(keepalive(MAX_LINE + 1))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_longest_data_line(end: bytes) -> None:
    assert f"{MAX_NAME} bytes" in refused(FILE + b"\n" + b"n" * MAX_LINE + end + b"pdf\n")
    assert "data is longer" in refused(FILE + b"\n" + b"n" * (MAX_LINE + 1) + end)


def test_longest_head() -> None:
    most = b"".join(b"X%d: \n" % i for i in range(MAX_HEAD_LINES - 3))
    assert len(parse(KEEPALIVE + most + b"\ncookie:4\nport:4394\n")) == 1
    assert str(MAX_HEAD_LINES) in refused(KEEPALIVE + most + b"Y: \n\ncookie:4\nport:4394\n")
    # each line counts with two bytes for its end
    used = sum(len(line) + 2 for line in KEEPALIVE.split(b"\n")[:-1]) + MAX_LINE + 2
    full = KEEPALIVE + b"A: " + b"a" * (MAX_LINE - 3) + b"\nB: " + b"b" * (MAX_HEAD - used - 5)
    assert len(parse(full + b"\n\ncookie:4\nport:4394\n")) == 1
    assert str(MAX_HEAD) in refused(full + b"b\n\ncookie:4\nport:4394\n")


@pytest.mark.parametrize(
    "flood",
    [
        itertools.repeat(b""),
        itertools.repeat(b"x"),
        itertools.repeat(b"x" * MAX_LINE),
        itertools.chain(FILE.split(b"\n"), itertools.repeat(b"")),
        itertools.chain(FILE.split(b"\n")[:-1], (b"H%d: " % i for i in itertools.count())),
        itertools.chain(FILE.split(b"\n")[:-1], [b"Length: %d" % MAX_DATA, b""], itertools.repeat(b"")),
        itertools.chain(FILE.split(b"\n")[:-1], [b"Length: %d" % MAX_DATA, b""], itertools.repeat(b"x" * 99)),
    ],
    ids=["nothing", "short", "long", "empty data", "headers", "empty lines of a Length", "lines of a Length"],
)
def test_no_flood_is_kept(flood: Iterator[bytes]) -> None:
    taken = 0
    parser = RequestParser()
    tracemalloc.start()
    try:
        with pytest.raises(BadRequest):
            for line in flood:
                taken += len(line) + 1
                assert taken <= MAX_HEAD + MAX_DATA + MAX_LINE
                parser.line(line)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
