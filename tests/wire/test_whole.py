"""What is read whole, against the parser: the requests are the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.messages import GetTurn, KeepAlive, Leave, Message, PQuery, Register, Request, Version
from p2p_twisted.wire.parser import RequestParser
from p2p_twisted.wire.whole import MAX_TURN, read_turn, read_whole

ends = st.sampled_from(["\n", "\r\n"])
texts = st.sampled_from(["x", "x" * 254, "x" * 255, "x" * 256, "Mac OS X", "10.0.0.1", " a", "a ", "\xe9", ""])
numbers = st.sampled_from(["", "0", "00", "1", "+1", "1 ", str(2**63 - 1), str(2**63), "9" * 19, "65535", "65536"])
methods = st.sampled_from(["Register", "Leave", "KeepAlive", "PQuery", "Pquery", "GET"])
headers = st.lists(
    st.tuples(st.sampled_from(["Limit", "Sample", "Length", "After", "X"]), numbers | st.just("37")), max_size=3
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    word, colon = draw(st.sampled_from(["P2P_DI_", "P2P-DI/"])), draw(st.sampled_from([" ", ": ", ":"]))
    body = [f"cookie:{draw(numbers)}", f"{draw(st.sampled_from(['port', 'cookie']))}:{draw(numbers)}"]
    some = [f"{key}: {value}" for key, value in draw(headers)]
    if draw(st.booleans()):
        some.append(f"Length: {sum(len(line) + 1 for line in body)}")
    first = f"{draw(methods)} NULL {word}1.{draw(st.sampled_from('0112'))}"
    lines = [first, f"Host{colon}{draw(texts)}", f"OS{colon}{draw(texts)}", *some, "", *body]
    return "".join(line + draw(ends) for line in lines).encode()


def parsed(data: bytes) -> list[Request]:
    parser = RequestParser()
    found = [parser.line(line) for line in data.split(b"\n")[:-1]]
    return [request for request in found if request is not None]


@given(requests(), st.binary(max_size=5))
@settings(max_examples=1000)
def test_the_parser_reads_the_same(data: bytes, rest: bytes) -> None:
    whole = read_whole(rest + data, len(rest))
    if whole is not None:
        assert whole == (len(rest) + len(data), parsed(data)[0])
        assert len(parsed(data)) == 1


MESSAGES = (
    *(Register(None, 1), Register(5, 65535), Leave(0, 1), KeepAlive(2**63 - 1, 1)),
    *(PQuery(5, 1), PQuery(5, 1, 1000), PQuery(5, 1, None, None, 50), PQuery(5, 1, 2, None, 50)),
)


@pytest.mark.parametrize("message", MESSAGES)
def test_it_reads_what_clients_send(message: Message) -> None:
    for version, has_length in ((Version.V10, False), (Version.V11, False), (Version.V11, True)):
        request = Request(message, version, "10.0.0.1", "Mac OS X")
        if version is Version.V10 and isinstance(message, PQuery):
            request = Request(PQuery(message.cookie, message.port), version, "10.0.0.1", "Linux")
        data = encode_request(request, has_length)
        assert read_whole(data, 0) == (len(data), request)
        assert read_whole(data[:-1], 0) is None


def test_a_page_is_left_to_the_parser() -> None:
    request = Request(PQuery(5, 1, 2, ("10.0.0.1", 1)), Version.V11, "10.0.0.1", "Linux")
    assert read_whole(encode_request(request), 0) is None


TURN = encode_request(Request(GetTurn(news=True), Version.V11, "10.0.0.1", "Linux"))


@pytest.mark.parametrize("message", [GetTurn(), GetTurn(news=True)])
def test_a_turn_is_read_as_the_parser_reads_it(message: Message) -> None:
    request = Request(message, Version.V11, "10.0.0.1", "Linux")
    data = encode_request(request)
    for rest in (b"", b"GET"):
        assert read_turn(b"before" + data + rest, 6) == (6 + len(data), request)


TURNS = st.lists(st.sampled_from([b"GET TURN P2P_DI_1.1", b"Host a", b"OS b", b"News: yes", b"Length: 1", b"", b"\r"]))


@given(TURNS)
@settings(max_examples=500)
def test_what_is_read_as_a_turn_is_what_the_parser_reads(lines: list[bytes]) -> None:
    data = b"\n".join([b"GET TURN P2P_DI_1.1", *lines]) + b"\n"
    found = read_turn(data, 0)
    if found is not None:
        assert parsed(data[: found[0]]) == [found[1]]


@pytest.mark.parametrize(
    "data",
    [
        TURN[:-1],
        TURN.replace(b"\n", b"\r\n"),
        TURN.replace(b"News: yes", b"News: no"),
        TURN.replace(b"\n\n", b"\nLength: 5\n\n"),
        TURN.replace(b"\n\n", b"\nX: " + b"y" * MAX_TURN + b"\n\n"),
        TURN.replace(b"TURN", b"INDEX"),
        b"GET TURN \n\n",
        b"",
    ],
)
def test_all_else_is_left_to_the_parser(data: bytes) -> None:
    assert read_turn(data, 0) is None
