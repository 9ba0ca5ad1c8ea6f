"""Parse undoes encode, for every message, and it does not matter how the bytes were cut on their way."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.wire.encode import encode_request, encode_response
from p2p_twisted.wire.messages import Request, Response, Version
from tests.support.wire_receivers import RequestReceiver, ResponseReceiver, parse, parse_head, receive
from tests.support.wire_strategies import chunks, requests, responses


@given(requests(), st.booleans())
def test_parse_undoes_encode(request: Request, length: bool) -> None:
    assert parse(encode_request(request, length)) == [request]


@given(requests(Version.V11))
def test_length_counts_the_data(request: Request) -> None:
    head, _, data = encode_request(request, length=True).partition(b"\n\n")
    said = [line for line in head.split(b"\n") if line.startswith(b"Length: ")]
    assert said == ([b"Length: %d" % len(data)] if data else [])


@given(requests(Version.V11), st.booleans())
def test_crlf_is_the_same_request(request: Request, colon: bool) -> None:
    wire = encode_request(request).replace(b"\n", b"\r\n")
    wire = re.sub(rb"Length: \d+", b"Length: %d" % len(wire.partition(b"\r\n\r\n")[2]), wire)
    if colon:
        wire = wire.replace(b"\r\nHost ", b"\r\nHost: ", 1).replace(b"\r\nOS ", b"\r\nOS: ", 1)
    assert parse(wire) == [request]


@given(requests(Version.V11))
def test_unknown_headers_are_ignored(request: Request) -> None:
    first, _, rest = encode_request(request, length=True).partition(b"\n")
    assert parse(first + b"\nX-Colour: blue\nlength: 3\n" + rest) == [request]


@given(st.data(), st.lists(st.tuples(requests(), st.booleans()), max_size=4))
def test_any_cut_of_pipelined_requests(data: st.DataObject, sent: list[tuple[Request, bool]]) -> None:
    wire = b"".join(encode_request(request, length) for request, length in sent)
    receiver = RequestReceiver()
    receive(receiver, data.draw(chunks(wire)))
    assert receiver.requests == [request for request, _ in sent]
    assert receiver.refused is None
    assert receiver.parser.idle


@given(st.data(), requests(), st.booleans())
def test_idle_only_between_requests(data: st.DataObject, request: Request, length: bool) -> None:
    wire = encode_request(request, length)
    cut = data.draw(st.integers(wire.index(b"\n") + 1, len(wire) - 1))
    receiver = RequestReceiver()
    receive(receiver, [wire[:cut]])
    assert not receiver.parser.idle
    assert receiver.requests == []
    receiver.dataReceived(wire[cut:])
    assert receiver.parser.idle
    assert receiver.requests == [request]


@given(responses())
def test_parse_undoes_encode_of_a_response(answer: tuple[Response, bytes]) -> None:
    response, _ = answer
    assert parse_head(encode_response(response)) == response


@given(st.data(), st.lists(responses(Version.V11), max_size=3))
def test_any_cut_of_pipelined_responses(data: st.DataObject, sent: list[tuple[Response, bytes]]) -> None:
    wire = b"".join(encode_response(response) + body for response, body in sent)
    receiver = ResponseReceiver()
    receive(receiver, data.draw(chunks(wire)))
    assert receiver.responses == sent


@given(st.data(), responses(Version.V10))
def test_the_body_of_a_1_0_response_is_all_that_follows(data: st.DataObject, answer: tuple[Response, bytes]) -> None:
    response, body = answer
    receiver = ResponseReceiver()
    receive(receiver, data.draw(chunks(encode_response(response) + body)))
    assert receiver.responses == [answer]
