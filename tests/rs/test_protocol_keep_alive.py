"""The fast path of KeepAlive against the parser: the answers are the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_twisted.net import server
from p2p_twisted.rs.protocol import KEEP_ALIVE
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.messages import KeepAlive, Request, Version
from p2p_twisted.wire.parser import RequestParser
from tests.support.rs_server import Rig, keep_alive, request

ends = st.sampled_from(["\n", "\r\n"])
texts = st.text(st.characters(min_codepoint=0x1F, max_codepoint=0x80), min_size=0, max_size=5) | st.sampled_from(
    ["x" * 254, "x" * 255, "x" * 256, "Mac OS X", "10.0.0.1", " a", "a ", "é"]
)
numbers = st.integers(0, 2**64).map(str) | st.sampled_from(["", "00", "+1", "1_0", "1 ", "٣", "65535", "65536", "0"])


words = st.sampled_from(["P2P_DI_", "P2P-DI_", "P2P-DI/", "P2P_DI/"])


@st.composite
def nearly_keep_alives(draw: st.DrawFn) -> bytes:
    minor, colon = draw(st.sampled_from(["0", "1", "2"])), st.sampled_from([" ", ": ", ":", "  "])
    lines = [
        f"KeepAlive NULL {draw(words)}1.{minor}",
        f"Host{draw(colon)}{draw(texts)}",
        f"OS{draw(colon)}{draw(texts)}",
        "",
        f"cookie:{draw(numbers)}",
        f"port:{draw(numbers)}",
    ]
    return "".join(line + draw(ends) for line in lines).encode()


def parsed(data: bytes) -> list[Request]:
    parser = RequestParser()
    found = [parser.line(line) for line in data.split(b"\n")[:-1]]
    return [request for request in found if request is not None]


@given(nearly_keep_alives())
@settings(max_examples=500)
def test_the_parser_reads_what_the_fast_path_takes_as_the_same_message(data: bytes) -> None:
    match = KEEP_ALIVE.fullmatch(data)
    if match is None:
        return
    version = Version.V10 if match[1] == b"0" else Version.V11
    try:
        (request,) = parsed(data)
    except BadRequest:
        # only a number too large, which no peer has: the store does not find it, and the parser gets it
        assert int(match[2]) >= 2**63 or int(match[3]) > 65535
    else:
        assert request.message == KeepAlive(int(match[2]), int(match[3]))
        assert request.version is version


def test_it_takes_what_clients_send() -> None:
    for minor in (0, 1):
        for data in (keep_alive(4, minor=minor), keep_alive(2**63 - 1, minor=minor).replace(b"\n", b"\r\n")):
            assert KEEP_ALIVE.fullmatch(data)


def request_of(what: str, which: int, minor: int, cookies: list[int]) -> bytes:
    cookie = cookies[which] if which < len(cookies) else 5
    if what == "query":
        return request("PQuery", f"cookie:{cookie}", f"port:{which + 1}", minor=minor)
    if what == "leave":
        return request("Leave", f"cookie:{cookie}", f"port:{which + 1}", minor=minor)
    return keep_alive(cookie, which + 1 if what == "keep" else 9, minor) if what != "bad" else b"rubbish\n\n"


kinds = st.sampled_from(["keep", "keep", "keep", "wrong", "leave", "query", "bad"])
steps = st.tuples(kinds, st.integers(0, 3), st.sampled_from([1] * 9 + [0]))
fractions = st.floats(0, 1)


@settings(deadline=None, max_examples=200)
@given(st.lists(steps, max_size=12), st.lists(fractions, max_size=8))
def test_however_the_bytes_are_cut_the_answers_are_the_same(
    steps: list[tuple[str, int, int]], cuts: list[float]
) -> None:
    rig = Rig()
    known = [rig.register(port) for port in (1, 2, 3)]
    stream = b"".join(request_of(what, which, minor, known) for what, which, minor in steps)
    places = [0, *sorted(int(cut * len(stream)) for cut in cuts), len(stream)]
    answers: list[tuple[bytes, bool]] = []
    for chunks in ([stream], [stream[a:b] for a, b in pairwise(places)]):
        for cookie, port in zip(known, (1, 2, 3), strict=True):
            rig.registry.register("192.168.1.1", port, cookie, False)
        connection, transport = rig.connect()
        for chunk in chunks:
            connection.dataReceived(chunk)
        answers.append((transport.drain(), transport.ended))
    rig.factory.doStop()
    assert answers[0] == answers[1]


def test_a_burst_is_one_write_and_input_stops_when_the_client_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    alive = keep_alive(rig.register(), minor=1)
    connection, transport = rig.connect()
    writes: list[bytes] = []
    monkeypatch.setattr(transport, "write", writes.append)
    connection.dataReceived(alive * 100)
    assert len(writes) == 1
    size = len(writes[0]) // 100
    while transport.producer is None:
        connection.dataReceived(alive * 100)
    assert sum(len(data) for data in writes) < server.MAX_UNREAD + 2 * 100 * size
    rig.factory.doStop()
