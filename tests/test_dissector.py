"""The Wireshark dissector shows what the parsers of the package read, however the bytes were cut."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fuzz.harness import seeds
from fuzz.mutations import mutated
from p2p_twisted.cli.dissector import DISSECTOR
from p2p_twisted.experiment.corpus.samples import make_corpus
from p2p_twisted.experiment.run.netns import HostNetwork, reason_unavailable
from p2p_twisted.wire import fields
from p2p_twisted.wire.changes import Change, Have, Heard, Removed, parse_change
from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.limits import RS_PORT
from p2p_twisted.wire.messages import (
    GetFile,
    GetNext,
    GetRfc,
    GetRfcIndex,
    Message,
    PQuery,
    Request,
    Response,
    Search,
    Version,
)
from p2p_twisted.wire.ranges import format_ranges
from p2p_twisted.wire.records import IndexRecord
from p2p_twisted.wire.search import parse_hit
from p2p_twisted.wire.search_terms import parse_terms
from tests.support.captures import Capture
from tests.support.p2p_command import P2P
from tests.support.protocol_text import EXAMPLES, blocks, sent
from tests.support.tshark import TIMEOUT, Shown, dissect, malformed, needs_tshark, tshark
from tests.support.wire_receivers import RequestReceiver, ResponseReceiver, parse, receive

pytestmark = [pytest.mark.slow, needs_tshark]

PEER_PORT = 65400
MUTATIONS = 300
WHY_NOT = reason_unavailable("p2ptest")

Pairs = list[tuple[str, str]]


def method_of(request: Request) -> str:
    if isinstance(request.message, GetRfc | GetRfcIndex):
        return "GET RFC" if isinstance(request.message, GetRfc) else "GET RFC-Index"
    return " ".join(encode_request(request).decode().split(" ", 2)[:2])


def plain(value: Any) -> str:
    """A value of a message as it stands on the wire."""
    if value is True:
        return "1"
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def values_of(message: Message | Response, names: dict[str, str]) -> Pairs:
    """(field of the dissector, text) for each attribute of `names` that `message` has."""
    pairs = [(shown, getattr(message, name, None)) for name, shown in names.items()]
    return [(shown, plain(value)) for shown, value in pairs if value is not None and value is not False and value != ""]


OF_REQUEST = {"cookie": "cookie", "port": "port", "limit": "limit", "sample": "sample", "since": "since"}
OF_REQUEST |= {"follow": "follow", "hearsay": "hearsay", "news": "news", "byte_range": "range", "sha256": "sha256"}
OF_RESPONSE = {"status": "status", "host": "host", "os": "os", "length": "length", "size": "size", "sha256": "sha256"}
OF_RESPONSE |= {"byte_range": "range", "more": "more", "index": "index", "since": "since", "turns": "turns"}
OF_RESPONSE |= {"retry_after": "retry_after", "site": "site"}


def of_request(request: Request) -> Pairs:
    """What the dissector is to show of a request; the terms of a search apart."""
    message = request.message
    pairs = [("method", method_of(request)), ("host", request.host), ("os", request.os)]
    pairs += [("version", request.version.value[-3:]), *values_of(message, OF_REQUEST)]
    if isinstance(message, PQuery) and message.after:
        pairs.append(("after", " ".join(map(str, message.after))))
    if isinstance(message, GetFile):
        pairs.append(("document", message.name))
    if isinstance(message, GetRfc):
        pairs.append(("rfc", str(message.number)))
    if isinstance(message, GetNext):
        pairs += [("want.sha256", sha256) for sha256, _ in message.wants]
        pairs += [("want.pieces", format_ranges(pieces)) for _, pieces in message.wants]
    return pairs


def of_response(response: Response) -> Pairs:
    modified = [] if response.modified is None else [("modified", fields.modified_text(response.modified))]
    return [("version", response.version.value[-3:]), *values_of(response, OF_RESPONSE), *modified]


def check_shown(shown: Shown, expected: Pairs, names: Iterable[str]) -> None:
    """`shown` has the pairs, and no other values of these names."""
    for name in {*names, *(name for name, _ in expected)}:
        assert [value for value in shown.all(name) if value] == [value for key, value in expected if key == name], name


def record_of(below: Pairs) -> IndexRecord:
    of = {name.removeprefix("record."): value for name, value in below}
    rest = (int(of["size"]), of["sha256"], of["pieces"].replace("-", ""), "private" in of) if "size" in of else ()
    name = fields.join_type(of["stem"], of["type"])
    return IndexRecord(name, of["title"], of["host"], int(of["port"]), int(of["ttl"]), *rest)


def changes_of(shown: Shown) -> list[Change | Heard]:
    """The lines of an index, made of what is shown of them: first the records, then those gone, then have."""
    found: list[Change | Heard] = []
    for below in shown.groups("record"):
        found.append(Heard(record_of(below)) if ("heard", "1") in below else record_of(below))
    found += [Removed(name) for name in shown.all("removed")]
    for below in shown.groups("have"):
        line = dict(below)
        change = parse_change(f"have\t{line['have.sha256']}\t{line['have.size']}\t{line['have.pieces']}")
        found.append(change)
    return found


def in_kinds(changes: Iterable[Change | Heard]) -> list[Change | Heard]:
    return sorted(changes, key=lambda change: (isinstance(change, Have), isinstance(change, Removed)))


def check_body(method: str, body: bytes, shown: Shown) -> None:
    """The body of a granted answer is shown as what it is."""
    lines = body.decode().splitlines()
    if method == "Register NULL":
        assert [f"cookie:{cookie}" for cookie in shown.all("cookie")] == lines
    elif method in ("PQuery NULL", "GET SOURCES"):
        assert shown.all("peer") == lines
        assert list(zip(shown.all("peer.address"), map(int, shown.all("peer.port")), strict=True)) == list(
            map(fields.address, lines)
        )
    elif method in ("GET INDEX", "GET TURN"):
        assert changes_of(shown) == in_kinds(map(parse_change, lines))
    elif method in ("GET FILE", "GET NEXT"):
        assert bytes.fromhex("".join(shown.all("body")).replace(":", "")) == body
    elif method == "GET PIECES":
        assert shown.all("piece") == lines
    elif method == "SEARCH INDEX":
        again = ["\t".join(value for _, value in below) for below in shown.groups("found")]
        assert list(map(parse_hit, again)) == list(map(parse_hit, lines))
    elif method == "Probe NULL":
        assert shown.all("probed") == lines and shown.all("reachable") == ["1"]
    else:
        assert shown.all("text") == lines


def conversation(block: str) -> tuple[int, bytes, bytes]:
    """The port, the requests and the answers of an example."""
    port = RS_PORT if "C->RS" in block else PEER_PORT
    return port, sent(block, "C->RS|C->P"), sent(block, "RS->C|P->C")


@pytest.mark.parametrize("size", [1448, 200, 1])
def test_examples_of_the_protocol(tmp_path: Path, size: int) -> None:
    """Whole, in segments that cut lines, and in segments of one byte."""
    capture = Capture()
    for block in EXAMPLES:
        port, requests, answers = conversation(block)
        capture.conversation(port, [(True, requests), (False, answers)], size)
    path = capture.write(tmp_path / "examples.pcap")
    shown = dissect(path)
    assert not malformed(path)
    for number, block in enumerate(EXAMPLES):
        check_example(block, [one for one in shown if one.stream == number])


def check_example(block: str, shown: list[Shown]) -> None:
    _, wire, answers = conversation(block)
    requests, responses = RequestReceiver(), ResponseReceiver()
    receive(requests, [wire])
    receive(responses, [answers])
    asked = [one for one in shown if one.from_client]
    answered = [one for one in shown if not one.from_client]
    if requests.refused is not None:
        assert "port must be a decimal number" in " ".join(asked[0].wrong)
        assert answered[0].all("text") == [requests.refused]
        return
    assert not [one.wrong for one in shown if one.wrong]
    check_requests(requests.requests, asked)
    for position, ((response, body), one) in enumerate(zip(responses.responses, answered, strict=True)):
        request = asked[min(position, len(asked) - 1)]
        assert one.all("request_in") == [str(request.frame)] and one.all("time")
        check_shown(one, of_response(response), OF_RESPONSE.values())
        if response.ok:
            check_body(request.all("method")[0], body, one)
        else:
            assert one.all("text") == body.decode().splitlines()
    assert all(one.all("response_in") for one in asked)


def check_requests(requests: list[Request], shown: list[Shown]) -> None:
    for request, one in zip(requests, shown, strict=True):
        check_shown(one, of_request(request), OF_REQUEST.values())
        if isinstance(request.message, Search):
            assert parse_terms(one.all("search")[0]) == request.message.terms


@pytest.mark.parametrize("size", [1448, 1])
def test_examples_of_the_handout(tmp_path: Path, size: int) -> None:
    examples = [(sent(block, "H->P"), sent(block, "P->H")) for block in blocks("none") if block.startswith("H->")]
    turns = [
        [
            (from_client, sent_.replace(b"\n", b"\r\n"))
            for from_client, sent_ in zip((True, False), example, strict=True)
        ]
        for example in examples
    ]
    shown = shown_of(tmp_path / "handout.pcap", turns, size)
    for number, (asked, answer) in enumerate(examples):
        request, response = shown[number]
        assert not request.wrong + response.wrong
        check_requests(parse(asked), [request])
        check_handout(answer.decode(), response)


def check_handout(answer: str, shown: Shown) -> None:
    """A response shows the values that stand in `answer`."""
    head, _, body = answer.partition("\n\n")
    values = dict(line.split(": ") for line in head.split("\n")[1:])
    assert f"P2P-DI/1.0 {shown.all('status')[0]} {shown.all('phrase')[0]}" == head.split("\n")[0]
    assert [*shown.all("host"), *shown.all("os"), *shown.all("length")] == list(values.values())
    records = ["\t".join(value for _, value in below) for below in shown.groups("record")]
    content = bytes.fromhex("".join(shown.all("body")).replace(":", "")).decode()
    assert "\n".join([*records, *shown.all("text")]) + content == body.removesuffix("\n")


def damaged(name: str) -> list[bytes]:
    """The fuzz corpus of a target, and mutations of it."""
    corpus = list(seeds(name).values())
    return [*corpus, *(mutated(Random(number), corpus) for number in range(MUTATIONS))]


def shown_of(path: Path, conversations: Iterable[list[tuple[bool, bytes]]], size: int = 1448) -> dict[int, list[Shown]]:
    """What the dissector shows of each of the conversations, by its number."""
    capture = Capture()
    for turns in conversations:
        capture.conversation(RS_PORT, turns, size)
    capture.write(path)
    assert not malformed(path)
    found: dict[int, list[Shown]] = defaultdict(list)
    for one in dissect(path):
        found[one.stream].append(one)
    return found


def test_requests_that_the_parser_refuses_are_wrong(tmp_path: Path) -> None:
    """Those that are not refused are shown as they are parsed."""
    inputs = damaged("requests")
    shown = shown_of(tmp_path / "requests.pcap", [[(True, data)] for data in inputs])
    for number, data in enumerate(inputs):
        check_damaged_requests(data, [one for one in shown[number] if one.all("request")])


def check_damaged_requests(data: bytes, shown: list[Shown]) -> None:
    receiver = RequestReceiver()
    receive(receiver, [data])
    wrong = [bool(one.wrong) for one in shown]
    last = next((at for at, one in enumerate(receiver.requests) if one.version is not Version.V11), None)
    if last is not None:  # what follows is ignored
        assert not any(wrong[: last + 1])
        return check_requests(receiver.requests[: last + 1], shown[: last + 1])
    if any(wrong) and receiver.refused is None:
        receiver.dataReceived(b"\n\n")  # a server refuses it when the head is whole
    assert any(wrong) == (receiver.refused is not None), (data, receiver.refused)
    check_requests(receiver.requests, shown[: wrong.index(True) if any(wrong) else None])


def test_responses_that_the_parser_refuses_are_wrong(tmp_path: Path) -> None:
    inputs = damaged("responses")
    asked = b"GET TURN P2P_DI_1.1\nHost a\nOS b\n\n"
    shown = shown_of(tmp_path / "responses.pcap", [[(True, asked), (False, data)] for data in inputs])
    for number, data in enumerate(inputs):
        check_damaged_responses(data, [one for one in shown[number] if one.all("response")])


def check_damaged_responses(data: bytes, shown: list[Shown]) -> None:
    receiver = ResponseReceiver()
    try:
        receive(receiver, [data])
    except BadRequest as error:
        assert any(one.wrong for one in shown[len(receiver.responses) :]), (data, error)
    for (response, _), one in zip(receiver.responses, shown, strict=False):
        check_shown(one, of_response(response), OF_RESPONSE.values())


def one_answer(path: Path, asked: bytes, answer: bytes, port: int = PEER_PORT) -> list[Shown]:
    capture = Capture()
    capture.conversation(port, [(True, asked), (False, answer)])
    return dissect(capture.write(path))


HEAD_1_1 = b"Host: 10.0.0.1\nOS: Linux\n"
GET_FILE = b"GET FILE P2P_DI_1.1\nHost a\nOS b\nRange: 0-9\nLength: 8\n\nREADME\n\n"


@pytest.mark.parametrize("size", [1448, 1])
def test_a_file_may_look_like_anything(tmp_path: Path, size: int) -> None:
    """Like TLS, or like other messages, at the beginning of a segment, in both versions."""
    content = b"\x16\x03\x01" + b"200 OK P2P-CI/1.1\n\n" + b"GET INDEX P2P_DI_1.1\nHost a\nOS b\n\n" + bytes(range(256))
    asked = b"GET FILE P2P_DI_1.%d\nHost a\nOS b\n\nREADME\n\n"
    capture = Capture()
    for port in (RS_PORT, PEER_PORT):
        for minor in (0, 1):
            head = b"200 OK P2P-CI/1.%d\n" % minor + HEAD_1_1 + (b"Length: %d\n" % len(content) if minor else b"")
            turns = [(True, asked % minor), (False, head + b"\n"), (False, content)]
            capture.conversation(port, turns, size)
    shown = dissect(capture.write(tmp_path / "files.pcap"))
    assert len(shown) == 8
    for one in shown[1::2]:
        assert bytes.fromhex("".join(one.all("body")).replace(":", "")) == content


def test_a_body_that_breaks_off_leaves_the_head(tmp_path: Path) -> None:
    answer = b"200 OK P2P-CI/1.1\n" + HEAD_1_1 + b"Length: 10\nRange: 0-9\n\nshort"
    _, response = one_answer(tmp_path / "short.pcap", GET_FILE, answer)
    assert (response.all("length"), response.all("left"), response.all("body")) == (["10"], ["10"], [])


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (b"200 OK P2P-CI/1.1\n" + HEAD_1_1 + b"\n", "needs the header Length"),
        (b"200 OK P2P-CI/1.1\n" + HEAD_1_1 + b"Length: 3\n\nabc", "Range is not the one that was asked for"),
        (b"200 OK P2P-CI/1.1\n" + HEAD_1_1 + b"Length: 3\nRange: 0-9\n\nabc", "Length and Range differ"),
        (b"200 Fine P2P-CI/1.1\n" + HEAD_1_1 + b"Length: 0\nRange: 0-9\n\n", "Length and Range differ"),
        (b"404 NOT_FOUND P2P-CI/1.1\n" + HEAD_1_1 + b"Length: 0\n\n", "the status must be 100, 200, 300 or 403"),
        (b"100 NOT_FOUND P2P-CI/1.1\n" + HEAD_1_1 + b"Length: 2\n\na\n", "the phrase of 100 is FILE_NOT_FOUND"),
        (b"HTTP/1.0 200 OK\n\n", "the first line must be STATUS PHRASE VERSION"),
    ],
)
def test_what_is_wrong_with_a_response(tmp_path: Path, answer: bytes, wrong: str) -> None:
    _, response = one_answer(tmp_path / "wrong.pcap", GET_FILE, answer)
    assert wrong in " ".join(response.wrong)


def test_other_protocols_are_left_alone(tmp_path: Path) -> None:
    capture = Capture()
    for size in (1448, 1):
        capture.conversation(8080, [(True, b"GET / HTTP/1.0\r\n\r\n"), (False, b"HTTP/1.0 200 OK\r\n\r\n")], size)
    assert dissect(path := capture.write(tmp_path / "http.pcap")) == []
    assert tshark(path, "-Y", "http.request").count("GET / HTTP/1.0") == 2


@contextmanager
def captured_loopback(network: HostNetwork, path: Path) -> Iterator[None]:
    """Capture the loopback of host 1 into `path`."""
    words = ["tcpdump", "-i", "lo", "-n", "-U", "--immediate-mode", "-Z", "root", "-B", "16384", "-w"]
    with network.popen(1, [*words, str(path), "tcp"], stderr=subprocess.PIPE) as tcpdump:
        try:
            assert tcpdump.stderr and b"listening on" in tcpdump.stderr.readline()
            yield
        finally:
            tcpdump.terminate()


@pytest.mark.skipif(WHY_NOT is not None, reason=f"no laboratory here: {WHY_NOT}")
@pytest.mark.skipif(not shutil.which("tcpdump"), reason="tcpdump is missing: apt-get install tcpdump")
def test_every_message_of_the_demo(tmp_path: Path) -> None:
    """Its RS and its six peers exchange a few documents on the loopback of a namespace of their own."""
    make_corpus(tmp_path / "corpus", 12)
    path = tmp_path / "demo.pcap"
    with HostNetwork(1, 10**9, 10**9, "p2ptest") as network, captured_loopback(network, path):
        demo = network.popen(1, [*P2P, "demo", "--corpus", str(tmp_path / "corpus")], stdout=subprocess.DEVNULL)
        assert demo.wait(TIMEOUT) == 0
    assert not malformed(path)
    unnamed = "tcp.len > 0 && !p2pdi && !tcp.reassembled_in && !tcp.analysis.retransmission"
    assert values(path, "tcp.stream", unnamed) <= values(path, "tcp.stream", "p2pdi.left")  # bodies that broke off
    assert not tshark(path, "-2", "-Y", "p2pdi.wrong || p2pdi.rest || p2pdi.unmatched")
    to_rs = {"Register NULL", "KeepAlive NULL", "PQuery NULL", "Leave NULL"}
    assert values(path, "p2pdi.method", "p2pdi.request") >= {*to_rs, "GET INDEX", "Hello NULL", "Probe NULL"}


def values(capture: Path, field: str, display: str) -> set[str]:
    """The values of a field in the frames that a filter lets through."""
    lines = tshark(capture, "-2", "-Y", display, "-T", "fields", "-e", field).splitlines()
    return {value for line in lines for value in line.split(",")}


def test_every_filter_is_documented() -> None:
    table = (Path(__file__).parents[1] / "docs" / "wireshark.rst").read_text("utf-8")
    rows = re.findall(r"^([a-z][a-z_0-9, ]*?)  +(\S.*(?:\n {27}.*)*)", table.partition("Filters\n===")[2], re.MULTILINE)
    documented: set[str] = set()
    for names, text in rows[1:]:
        documented |= set(names.split(", "))
        below = re.findall(r"``([a-z]*)\.([a-z][a-z0-9]*)``", text)
        documented |= {f"{above or names}.{name}" for above, name in below}
    documented |= set(re.findall(r"``p2pdi\.(wrong|refused|passed_over|unmatched|unread)``", table))
    listed = subprocess.run(
        ["tshark", "-G", "fields", "-X", f"lua_script:{DISSECTOR}"], capture_output=True, text=True, check=True
    )
    assert documented == set(re.findall(r"\tp2pdi\.([a-z_0-9.]+)\t", listed.stdout))
