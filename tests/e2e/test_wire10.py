"""Version 1.0 byte for byte, through real twistd processes, from clients that keep their side open."""

import random
import re
from collections.abc import Iterator
from itertools import product

import pytest

from tests.support import raw_sockets
from tests.support.raw_sockets import System, answer, exchange, is_refusal

DATA = random.Random(10).randbytes(300_000)
DOCUMENTS = {
    ("rfc8446.txt", "pdf"): b"%PDF-1.4 not really one\n" + DATA,
    ("notes", "txt"): b"A title that is plain\n\nand some text\r\nwith both line ends\n",
    ("sub folder/deep/umlaut \u00fc", "md"): b"# Heading\n",
    ("README", ""): b"no type\n",
    ("empty", "bin"): b"",
}
"""Name and type apart, as 1.0 has them, and the content."""
NAMES = {apart: ".".join(filter(None, apart)) for apart in DOCUMENTS}
WAYS = list(product(("\n", "\r\n"), ("", ":"), ("P2P_DI_1.0", "P2P-DI_1.0", "P2P-DI/1.0"), ("at once", "by bytes")))
"""Equivalent forms of a request: line ends, envelope, version, packets."""
Way = tuple[str, str, str, str]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way).encode("unicode_escape").decode())
PLAIN: Way = WAYS[0]


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with raw_sockets.system([{NAMES[apart]: data for apart, data in DOCUMENTS.items()}]) as running:
        yield running


def ask(port: int, way: Way, what: str, *data: str) -> bytes:
    """The whole answer to a request that is written that way."""
    eol, colon, version, packets = way
    said = raw_sockets.request(what, *data, version=version, colon=colon, eol=eol)
    return exchange(port, [said] if packets == "at once" else [bytes([byte]) for byte in said])


def register(system: System, port: int) -> int:
    """A cookie of its own for a peer that says it is at `port`."""
    got = ask(system.rs, PLAIN, "Register NULL", "cookie:", f"port:{port}")
    return int(got.rpartition(b":")[2])


@every_way
def test_register_keep_alive_and_leave(system: System, way: Way) -> None:
    got = ask(system.rs, way, "Register NULL", "cookie:", "port:4394")
    match = re.fullmatch(re.escape(answer("cookie:")) + rb"([0-9]+)\n", got)
    assert match, got
    cookie = int(match[1])
    assert 0 <= cookie < 2**31
    who = f"cookie:{cookie}", "port:4394"
    assert ask(system.rs, way, "Register NULL", *who) == answer(f"cookie:{cookie}\n")
    assert ask(system.rs, way, "KeepAlive NULL", *who) == answer("you have been renewed! TTL is 7200 seconds\n")
    assert ask(system.rs, way, "Leave NULL", *who) == answer("you have been unregistered from the RS server!\n")
    for gone in ("Leave NULL", "PQuery NULL"):
        assert is_refusal(ask(system.rs, way, gone, *who), "403 FORBIDDEN")


@every_way
@pytest.mark.parametrize("label", ["cookie", "port"])
def test_pquery(system: System, way: Way, label: str) -> None:
    cookie = register(system, 4396)
    got = ask(system.rs, way, "PQuery NULL", f"cookie:{cookie}", f"{label}:4396")
    assert got == answer(f"127.0.0.1 4396\n127.0.0.1 {system.peers[0]}\n")
    ask(system.rs, PLAIN, "Leave NULL", f"cookie:{cookie}", "port:4396")


@every_way
def test_unregistered_peers_are_refused(system: System, way: Way) -> None:
    cookie = register(system, 4397)
    for what in ("Leave NULL", "KeepAlive NULL", "PQuery NULL"):
        for who in ((f"cookie:{cookie}", "port:4398"), ("cookie:0", "port:4397")):
            assert is_refusal(ask(system.rs, way, what, *who), "403 FORBIDDEN")
    assert is_refusal(ask(system.rs, way, "Register NULL", "cookie:0", "port:4397"), "403 FORBIDDEN")
    assert ask(system.rs, way, "Leave NULL", f"cookie:{cookie}", "port:4397").startswith(answer("you have been"))


def expected_index(system: System) -> list[str]:
    titles = {item["name"]: item["title"] for item in system.cluster.peers[0].control.get("index")["items"]}
    assert titles["notes.txt"] == "A title that is plain"
    holder = f"127.0.0.1\t{system.peers[0]}\t7200"
    return sorted(f"{stem}\t{kind}\t{titles[name]}\t{holder}" for (stem, kind), name in NAMES.items())


@every_way
@pytest.mark.parametrize(("document", "tail"), [("INDEX", ()), ("Index", ("NULL", "NULL"))])
def test_index(system: System, way: Way, document: str, tail: tuple[str, ...]) -> None:
    """With the two lines that existing clients append, also where they come after the answer is on its way."""
    got = ask(system.peers[0], way, f"GET {document}", *tail)
    head = answer("")
    assert got.startswith(head)
    body = got[len(head) :].decode()
    assert body.endswith("\n")
    assert sorted(body[:-1].split("\n")) == expected_index(system)


@every_way
def test_file(system: System, way: Way) -> None:
    for (name, kind), data in DOCUMENTS.items():
        assert ask(system.peers[0], way, "GET FILE", name, kind) == answer(data)


@every_way
def test_file_that_is_not_there(system: System, way: Way) -> None:
    for name, kind in (
        ("nothing", "txt"),
        ("rfc8446.txt.pdf", "pdf"),
        ("../rs/state/registry", "sqlite"),
        ("sub folder/../notes", "txt"),
        ("/etc/passwd", ""),
        ("sub folder", ""),
        (".", ""),
        ("//notes", "txt"),
        ("sub folder//deep/umlaut ü", "md"),
    ):
        assert is_refusal(ask(system.peers[0], way, "GET FILE", name, kind), "100 FILE_NOT_FOUND"), name


@every_way
def test_each_has_messages_of_its_own(system: System, way: Way) -> None:
    for what in ("Register NULL", "Leave NULL", "KeepAlive NULL", "PQuery NULL"):
        assert is_refusal(ask(system.peers[0], way, what, "cookie:4", "port:4394"), "300 BAD_REQUEST")
    assert is_refusal(ask(system.rs, way, "GET INDEX"), "300 BAD_REQUEST")
    assert is_refusal(ask(system.rs, way, "GET FILE", "notes", "txt"), "300 BAD_REQUEST")


def test_the_version_word_of_1_1_gets_1_1(system: System) -> None:
    """Only that word: the rest of a first contact is as in 1.0. The connection stays open."""
    data = DOCUMENTS["notes", "txt"]
    with raw_sockets.connect(system.peers[0]) as sock:
        for _ in range(2):
            sock.sendall(raw_sockets.request("GET FILE", "notes", "txt", version="P2P_DI_1.1"))
            got = b""
            while not got.endswith(data):
                got += sock.recv(65536)
            lines = got.partition(b"\n\n")[0].decode().split("\n")
            assert lines[0] == "200 OK P2P-CI/1.1"
            assert f"Length: {len(data)}" in lines


def test_a_long_answer_while_the_client_goes_on_sending(system: System) -> None:
    """Bytes after a request do not cost the client the answer."""
    with raw_sockets.connect(system.peers[0]) as sock:
        sock.sendall(raw_sockets.request("GET FILE", "rfc8446.txt", "pdf"))
        got = sock.recv(1)
        for _ in range(20):
            sock.sendall(b"NULL\n")
            got += sock.recv(1000)
        assert got + raw_sockets.read_all(sock) == answer(DOCUMENTS["rfc8446.txt", "pdf"])
