"""docs/protocol.rst says what the wire floor does: its examples and its tables are read and tried."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from p2p_twisted.index import fts, retold
from p2p_twisted.index.fulltext import FullText
from p2p_twisted.index.text_tables import Entry
from p2p_twisted.library.pieces import PieceHasher, list_digest, piece_count, piece_range, piece_size
from p2p_twisted.library.plain_text import flowing
from p2p_twisted.net import client, connection_state, producers, server
from p2p_twisted.peer.downloads import source_search, whole_file
from p2p_twisted.peer.peers import circle, neighbours, pace, retelling, swarm_search
from p2p_twisted.peer.peers.changes_sink import MAX_ROWS
from p2p_twisted.peer.peers.probing import Prober
from p2p_twisted.peer.serving import (
    announcing,
    askers,
    hearsay_feed,
    in_flight,
    index_answers,
    index_feed,
    search_answers,
    upload_queue,
)
from p2p_twisted.peer.serving.factory import PeerFactory
from p2p_twisted.peer.serving.search_answers import SearchAnswers
from p2p_twisted.swarm import neighbour_places, picker, piece_fetcher, snubbing, source, source_pool, swarm, turns
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.target import Target
from p2p_twisted.wire import fields, limits
from p2p_twisted.wire.changes import Have, Heard, Removed, encode_change, parse_change
from p2p_twisted.wire.encode import encode_request, encode_response
from p2p_twisted.wire.errors import PHRASES, BadRequest
from p2p_twisted.wire.messages import (
    Cancel,
    GetFile,
    GetIndex,
    GetNext,
    GetPieces,
    GetSources,
    Hello,
    PQuery,
    Probe,
    Register,
    Request,
    Response,
    Search,
    Version,
)
from p2p_twisted.wire.parser import METHODS, ONLY_1_1, VERSIONS
from p2p_twisted.wire.ranges import from_ranges, members
from p2p_twisted.wire.records import IndexRecord, encode_record, parse_record
from p2p_twisted.wire.search import MAX_WEIGHT, encode_hit, parse_hit
from tests.support.diallers import make_dialler
from tests.support.memory_network import Network
from tests.support.peer_server import Transport, make_factory
from tests.support.protocol_text import EXAMPLES, GRAMMAR, TEXT, blocks, sent, tables
from tests.support.wire_receivers import ResponseReceiver, parse, receive

Answers = list[tuple[Response, bytes]]

README = b"Read me first\n"
LOG = b"\n" * 65536 + b"the last line\n"
FILES = {"README": README, "notes/log.txt": LOG}
"""What the examples are about."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


CONTENTS = {sha256(content): content for content in FILES.values()}


def piece_list(content: bytes) -> bytes:
    """The piece hashes of `content`, one after the other; none for a file of one piece."""
    hasher = PieceHasher(len(content))
    hasher.update(content)
    return hasher.pieces()


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
    requests, answers = asked(block), answered(block)
    if isinstance(requests[-1].message, GetIndex) and requests[-1].message.follow:
        requests += requests[-1:] * (len(answers) - len(requests))
    for request, (response, body) in zip(requests, answers, strict=True):
        assert request.version is response.version
        if response.ok:
            check_body(request, response, body)


def check_body(request: Request, response: Response, body: bytes) -> None:
    """A granted answer of the examples has the body of its message."""
    lines = body.decode().splitlines()
    message = request.message
    if isinstance(message, Register):
        assert GRAMMAR.pattern("given-cookie").fullmatch(body)
    elif isinstance(message, PQuery | GetSources):
        assert GRAMMAR.pattern("peer-list").fullmatch(body)
        assert [fields.address(line) for line in lines] == sorted(fields.address(line) for line in lines)
    elif isinstance(message, GetIndex):
        assert (response.index is not None) == (request.version is Version.V11)
        if message.since is None:
            assert GRAMMAR.pattern("index").fullmatch(body)
            assert [encode_record(parse_record(line), request.version) for line in lines] == lines
        else:
            check_changes(message.since, response, body)
    elif isinstance(message, GetFile):
        check_file(
            CONTENTS[message.sha256] if message.sha256 else FILES[message.name], message.byte_range, response, body
        )
    elif isinstance(message, GetPieces):
        assert GRAMMAR.pattern("piece-list").fullmatch(body)
        digests = piece_list(CONTENTS[message.sha256]) or bytes.fromhex(message.sha256)
        assert bytes.fromhex("".join(lines)) == digests
    elif isinstance(message, GetNext):
        check_next(message, response, body)
    elif isinstance(message, Search):
        assert GRAMMAR.pattern("found").fullmatch(body)
        found = [parse_hit(line) for line in lines]
        assert [encode_hit(hit) for hit in found] == lines and len(found) <= (message.limit or 0)
        assert all(hit.sha256 == sha256(FILES[hit.name]) for hit in found)
    elif isinstance(message, Cancel | Hello):
        assert not body
    elif isinstance(message, Probe):
        assert GRAMMAR.pattern("probed").fullmatch(body)


def check_changes(since: str, response: Response, body: bytes) -> None:
    """The lines of an answer to GET INDEX with Since say of the files of the examples what is true."""
    assert GRAMMAR.pattern("changes").fullmatch(body)
    assert response.since in (None, since, response.index)
    lines = body.decode().splitlines()
    changes = [parse_change(line) for line in lines]
    assert [encode_change(change) for change in changes] == lines
    for change in changes:
        if isinstance(change, Removed):
            assert change.name in FILES
            continue
        if isinstance(change, Heard):
            assert change.record.sha256 in CONTENTS and change.record.host != response.host
            continue
        assert change.sha256 is not None
        content = CONTENTS[change.sha256]
        assert change.size == len(content)
        if isinstance(change, IndexRecord):
            digests = piece_list(content)
            assert change.pieces == (list_digest(digests) if digests else "")
            assert (change.host, change.ttl) == (response.host, limits.TTL)
        else:
            assert from_ranges(change.pieces, piece_count(change.size))


def check_file(content: bytes, byte_range: tuple[int, int] | None, response: Response, body: bytes) -> None:
    """`body` is the part `byte_range` of `content`, and in 1.1 the head says so."""
    first, last = byte_range or (0, len(content) - 1)
    assert body == content[first : last + 1]
    assert response.byte_range == byte_range
    if response.version is Version.V11:
        assert (response.size, response.sha256) == (len(content), sha256(content))


def check_next(message: GetNext, response: Response, body: bytes) -> None:
    """`body` is a piece that `message` names."""
    assert response.sha256 is not None
    content = CONTENTS[response.sha256]
    wanted = members(from_ranges(dict(message.wants)[response.sha256], piece_count(len(content))))
    ranges = (piece_range(len(content), piece) for piece in wanted)
    assert response.byte_range in [(first, first + length - 1) for first, length in ranges]
    check_file(content, response.byte_range, response, body)


@pytest.mark.parametrize("block", [block for block in EXAMPLES if "Follow: yes" in block])
def test_following_an_index_leaves_no_gap(block: str) -> None:
    [request], answers = asked(block), answered(block)
    assert isinstance(request.message, GetIndex)
    known, parts = request.message.since, set()
    for (before, _), (after, body) in pairwise([(answers[0][0], b""), *answers]):
        assert after.since in (known, before.since)
        known = after.index
        for change in map(parse_change, body.decode().splitlines()):
            if isinstance(change, Have):
                parts |= set(members(from_ranges(change.pieces, 2)))
    assert parts == {0, 1} or "have" not in block


# a peer that has what the examples are about says the same


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PeerFactory]:
    """By their address: one that has the files, and one that has the second piece of one."""
    network, made = Network(), list[PeerFactory]()
    for files in (FILES, {}):
        folder = tmp_path_factory.mktemp("peer")
        Deferred.fromCoroutine(make_factory(folder / "share", files, network, reactor=network)).addCallback(made.append)
        network.settle()
    complete, part = made
    complete.content_store.port = part.content_store.port = 65400
    content = Storage("notes/log.txt", sha256(LOG), len(LOG), list_digest(piece_list(LOG)), Target(folder, "log.txt"))
    assert content.accept_list(piece_list(LOG))
    content.write(65536, LOG[65536:])
    content.keep(1)
    part.content_store.parts[content.sha256] = content
    reactor: Any = network
    complete.search = SearchAnswers(reactor, complete.content_store.library, texts_of(complete, folder)).answer
    complete.askers.ask(content.sha256, ("10.153.44.85", 65400))
    return {"10.153.44.86": complete, "10.153.44.85": part}


def texts_of(factory: PeerFactory, folder: Path) -> FullText:
    """The texts of all files of a peer."""
    texts = FullText(folder / "fulltext.sqlite")
    texts.open()
    for file in factory.content_store.library.files.values():
        text = flowing(FILES[file.name].decode())
        texts.put(Entry(file.name, file.title, file.size, file.sha256, True, text=text))
    return texts


def said_by(factory: PeerFactory, host: str, wire: bytes, network: Network | None = None) -> bytes:
    """What the peer at `host` answers to `wire`, perhaps after it has connected to others in `network`."""
    transport: Any = Transport(IPv4Address("TCP", host, 65400), IPv4Address("TCP", "10.153.44.84", 50000))
    connection = factory.buildProtocol(transport.getPeer())
    assert connection is not None
    connection.makeConnection(transport)
    connection.dataReceived(wire)
    if network is not None:
        network.settle()
    while transport.producer is not None:
        transport.producer.resumeProducing()
    connection.connectionLost(Failure(ConnectionDone()))
    return bytes(transport.value())


def of_these_files(block: str) -> bool:
    """Whether an example depends on nothing but the files that a peer has: on no past, and on no other peer."""
    if "C->P" not in block or re.search("Follow|Probe", block):
        return False
    return "GET INDEX" not in block or "Since: 0" in block


@pytest.mark.parametrize("block", [block for block in EXAMPLES if of_these_files(block)])
def test_a_peer_answers_as_the_examples_do(
    block: str, peers: dict[str, PeerFactory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "OS_NAME", "Linux")
    host = answered(block)[0][0].host
    network: Any = peers[host].clock
    said = said_by(peers[host], host, sent(block, "C->P"), network)
    assert without_version(said) == without_version(sent(block, "P->C"))


def test_a_peer_tries_whether_another_can_be_reached(
    peers: dict[str, PeerFactory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "OS_NAME", "Linux")
    [block] = [block for block in EXAMPLES if "Probe" in block]
    network = Network()
    network.servers["10.153.44.84", 4394] = peers["10.153.44.85"]
    factory = peers["10.153.44.86"]
    factory.prober = Prober(make_dialler(network), network.seconds, None)  # type: ignore[arg-type]  # never asked
    said = said_by(factory, "10.153.44.86", sent(block, "C->P"), network)
    assert said == sent(block, "P->C")


def without_version(wire: bytes) -> bytes:
    return re.sub(rb"(?m)^Index: \S+$", b"Index", wire)


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
    wire = b"".join(sent(block, "C->RS|C->P") for block in EXAMPLES).decode()
    spoken = set(re.findall(r"^(\S+ \S+) P2P_DI_(1\.\d)$", wire, re.MULTILINE))
    known = {(what, version) for what in METHODS for version in ("1.0", "1.1")}
    assert spoken == known - {(what, "1.0") for what in ONLY_1_1}


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
    "a line of a request or head, without end": limits.MAX_LINE,
    "lines of a head, without the empty one": limits.MAX_HEAD_LINES,
    "a head, each line's end counted as two": limits.MAX_HEAD,
    "data of a request": limits.MAX_DATA,
    "a document's name, type included": limits.MAX_NAME,
    "a title": limits.MAX_TITLE,
    "a cookie": limits.MAX_COOKIE,
    "a cookie given to a client of 1.0": limits.MAX_COOKIE_1_0,
    "a size, a length, an offset": limits.MAX_SIZE,
    "files named in a GET NEXT": limits.MAX_WANTS,
    "a search": limits.MAX_SEARCH,
    "terms of a search": limits.MAX_TERMS,
    "documents that a search finds": limits.MAX_HITS,
    "a passage": limits.MAX_PASSAGE,
    "an answer to SEARCH INDEX": limits.MAX_SEARCH_ANSWER,
    "the number of a piece": limits.MAX_PIECES,
    "an answer to GET INDEX": limits.MAX_INDEX,
    "a line of such an answer, without end": limits.MAX_BODY_LINE,
    "an answer to GET PIECES": limits.MAX_PIECE_LIST,
    "an answer to PQuery": limits.MAX_PEER_LIST,
}


def test_port_and_ttl() -> None:
    assert f"The RS listens on port {limits.RS_PORT} " in TEXT
    assert f"The TTL is set to {limits.TTL} s" in TEXT


def test_connections() -> None:
    request, stall = connection_state.REQUEST_TIMEOUT, connection_state.STALL_TIMEOUT
    assert f"At most {server.MAX_WAITING} requests may be" in TEXT
    assert f"complete {request} s after its first byte, the first one {request} s after" in TEXT
    assert f"nothing is asked for {connection_state.IDLE_TIMEOUT} s" in TEXT
    assert f"takes nothing of an answer for {stall} s" in TEXT
    assert f"more slowly than {producers.MIN_RATE // 1024} KiB/s" in TEXT
    assert f"has taken nothing for {stall} s loses" in TEXT


def test_what_a_client_reads_of_an_index() -> None:
    assert f"reads {MAX_ROWS} lines of it" in TEXT
    assert f"after {pace.CHANGES_BURST} changes or {pace.ANSWERS_BURST} answers at once" in TEXT
    rates = f"{pace.CHANGES_RATE} changes or {pace.ANSWERS_RATE} answers a second"
    assert rates in " ".join(TEXT.split())


def test_what_a_server_tells_of_others() -> None:
    most = f"at most {index_answers.MAX_TOLD} records of others, in {index_answers.MAX_TOLD_BYTES} bytes or"
    assert most in " ".join(TEXT.split())


def test_following() -> None:
    said = " ".join(TEXT.split())
    assert f"nothing has changed for {index_feed.KEEPALIVE_INTERVAL} s, an empty one" in said
    assert f"has heard nothing for {3 * client.STALL_TIMEOUT} s SHOULD" in said
    assert index_feed.KEEPALIVE_INTERVAL < 3 * client.STALL_TIMEOUT


def test_swarm() -> None:
    said = " ".join(TEXT.partition("\nHow a swarm runs\n")[2].split())
    assert f"none of its files has {turns.MIN_PIECES} pieces" in said
    assert f"{announcing.BATCH_INTERVAL} s apart, or {announcing.BATCH_INTERVAL_EACH} s for each follower" in said
    assert f"({announcing.ALONE_INTERVAL} s later, with those" in said
    assert f"been sent for {announcing.IDLE_TIME} s, or {announcing.COPIES_INTERVAL} s later" in said
    assert f"for {announcing.BUSY_INTERVAL} s at most, and for {announcing.TOLD_INTERVAL} s if all" in said
    assert f"and of its pieces every {announcing.PIECES_INTERVAL} s" in said
    assert f"all but {in_flight.MIN_UNSENT // 1024} KiB, {in_flight.UNSENT_TIME} s of its highest rate" in said
    assert f"a peer is connected to {neighbour_places.MAX_NEIGHBOURS}, by lots" in said
    assert f"after {neighbour_places.USED_IN_A_ROW} turns without one to no use" in said
    assert f"up to {neighbour_places.MOST_NEIGHBOURS}" in said
    assert f"when the turn has not come after {upload_queue.MAX_WAIT} s" in " ".join(TEXT.split())
    assert f"has been outstanding for {picker.ENDGAME_DELAY:.0f} s is then requested" in said
    assert (
        source.REQUEST_AHEAD == 0.5
        and f"but {source.MIN_OUTSTANDING} at least and {source.MAX_OUTSTANDING} at most" in said
    )
    assert f"(of small files, after {picker.SMALL_ENDGAME_DELAY} s)" in said
    assert f"in {source.SMALL_AHEAD} s and twice" in said and f"but {source.MIN_SMALL} requests at least" in said
    assert f"names small files of {picker.MAX_REQUEST_WANTS} pieces together" in said
    assert f"sent nothing for {snubbing.SNUB_TIMEOUT:.0f} s is snubbed" in said
    assert (piece_fetcher.MAX_HASH_FAILURES, source.MAX_RECONNECTS) == (3, 3)
    text = " ".join(TEXT.split())
    assert f"takes {whole_file.MAX_UNSIZED} bytes" in text
    assert f"less than {whole_file.MIN_RATE} bytes/s for {whole_file.MIN_RATE_AFTER} s" in text
    assert f"as long each time, up to {source_pool.MAX_BACKOFF:.0f} s" in said
    assert f"for {swarm.UNRESPONSIVE_TIMEOUT} s ({swarm.IDLE_TIMEOUT} s if nothing is outstanding)" in said
    assert f"At most {source_pool.MAX_CONNECTED} peers are connected for a download" in said


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


def test_what_is_told_of_neighbours() -> None:
    text = " ".join(TEXT.split())
    for said in (
        f"Up to {neighbours.SMALL} other peers, a peer of this project asks",
        f"- {neighbours.CHOSEN} of its own choice, out of a ``Sample``",
        f"At most {neighbours.GREETERS} that have said Hello",
        f"one of the others every {circle.RENEW_INTERVAL} s",
        f"For {circle.WANTED_FOR} s those whose",
        f"ends within {retold.RENEWED_WITHIN} s; and fewer than {retold.MAX_HOLDERS} holders",
        f"tells at most {hearsay_feed.RATE} bytes/s, and {hearsay_feed.BURST} bytes at once",
        f"more than {hearsay_feed.MAX_WAITING} records is left out",
        f"every {retelling.AGAIN_ROUNDS} minutes",
        f"greets, up to {circle.MAX_MET} others once",
    ):
        assert said in text, said


def test_what_is_told_of_sources() -> None:
    text = " ".join(TEXT.split())
    remembered = (
        f"the last {askers.MAX_ASKERS} askers of a file for {askers.REMEMBERED_FOR:.0f} s, {askers.MAX_OF_HOST} of"
    )
    pause, enough = f"up to {source_search.LAST_PAUSE:.0f} s", f"fewer than {source_search.ENOUGH} sources"
    for said in (remembered, f"names at most {askers.MAX_NAMED},", pause, enough):
        assert said in text, said


def test_search() -> None:
    text = " ".join(TEXT.split())
    for said in (
        f"asks up to {swarm_search.MAX_ASKED} peers at the same time, in a large swarm its neighbours, and waits "
        f"{swarm_search.TIMEOUT} s",
        f"answers with {search_answers.DEFAULT_LIMIT} documents; it searches {fts.TIMEOUT:.0f} s, two searches at",
        f"if {search_answers.MAX_WAITING} are waiting",
        f"how well it fits, from 0 to {MAX_WEIGHT}",
    ):
        assert said in text, said
    assert search_answers.AT_ONCE == 2
