"""An RS and a peer among broken and hostile clients: they stay up, serve everybody else, and keep a quiet log."""

import random
import resource
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import product
from pathlib import Path

import pytest

from tests.support import raw_sockets
from tests.support.raw_sockets import System, answer, connect, exchange, is_refusal, read_all

DATA = random.Random(11).randbytes(8_000_000)
ELSEWHERE = "127.0.0.2"
"""Where well-behaved clients come from, so that what one address may do is not theirs to suffer."""
ENVELOPE = b"Host 127.0.0.1\nOS Linux\n"
INDEX_11 = b"GET INDEX P2P_DI_1.1\n" + ENVELOPE + b"\n"
FILE_11 = b"GET FILE P2P_DI_1.1\n" + ENVELOPE + b"\nbig\nbin\n"
MISSING_11 = b"GET FILE P2P_DI_1.1\n" + ENVELOPE + b"\nnothing\n\n"
KEEP_ALIVE_11 = b"KeepAlive NULL P2P_DI_1.1\n" + ENVELOPE + b"\ncookie:4\nport:4394\n"


@pytest.fixture(scope="module")
def many_descriptors() -> Iterator[None]:
    """Room for a thousand connections, here and in the processes started from here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip("this machine allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def system(many_descriptors: None) -> Iterator[System]:
    with raw_sockets.system([{"big.bin": DATA, "notes.txt": b"some notes\n"}]) as running:
        yield running


@pytest.fixture(params=["rs", "peer"])
def port(system: System, request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of each in turn; afterwards both are well."""
    yield system.rs if request.param == "rs" else system.peers[0]
    assert_well(system)


def assert_well(system: System) -> None:
    """Both are the processes that were started, answer a client from elsewhere, and have not complained."""
    assert all(member.pid is not None for member in system.cluster.members)
    got = exchange(system.rs, [raw_sockets.request("Register NULL", "cookie:", "port:4394")], ELSEWHERE)
    assert got.startswith(answer("cookie:")), got
    who = got.rpartition(b"\n\n")[2].decode().strip(), "port:4394"
    assert exchange(system.rs, [raw_sockets.request("Leave NULL", *who)], ELSEWHERE).startswith(answer("you have been"))
    got = exchange(system.peers[0], [raw_sockets.request("GET FILE", "notes", "txt")], ELSEWHERE)
    assert got == answer("some notes\n")
    assert system.complaints() == []


def client_hello() -> bytes:
    """The first bytes of a TLS client."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def reset(sock: socket.socket) -> None:
    """Close the connection so that the server gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


REFUSED = {
    "an empty line": b"\n",
    "HTTP": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n",
    "HTTP with a body": b"POST /api/v1/downloads HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n\n",
    "TLS": client_hello() + b"\n\n",
    "zeros": b"\0" * 10_000,
    "no UTF-8": b"GET INDEX P2P_DI_1.0\nHost \xff\xfe\nOS x\n\n",
    "a format string": b"%s%n{0.__class__} P2P_DI_1.0\n" + ENVELOPE + b"\n",
    "an unknown method": b"DELETE FILE P2P_DI_1.0\n" + ENVELOPE + b"\n",
    "an unknown version": b"GET INDEX P2P_DI_9.9\n" + ENVELOPE + b"\n",
    "a second Host": b"GET INDEX P2P_DI_1.0\nHost a\n" + ENVELOPE + b"\n",
    "no OS": b"GET INDEX P2P_DI_1.0\nHost a\n\n",
    "a header in 1.0": b"GET INDEX P2P_DI_1.0\n" + ENVELOPE + b"Length: 0\n\n",
    "a long line": b"x" * 8193 + b"\n",
    "a line without end": b"x" * 1_000_000,
    "many lines": b"GET INDEX P2P_DI_1.0\n" + b"X: y\n" * 200_000,
    "empty lines": b"\n" * 1_000_000,
    "junk": random.Random(1).randbytes(1_000_000),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_invalid_requests_are_refused_and_the_connection_closed(port: int, data: bytes) -> None:
    with connect(port) as sock:
        sock.sendall(data)
        assert is_refusal(read_all(sock), "300 BAD_REQUEST")


@pytest.mark.parametrize("cookie", ["", "+4", " 4", "4 ", "4_0", "-4", "\u0664", str(2**63), "9" * 5000])
def test_invalid_numbers_are_refused(system: System, cookie: str) -> None:
    for what in ("Leave NULL", "KeepAlive NULL", "PQuery NULL"):
        assert is_refusal(
            exchange(system.rs, [raw_sockets.request(what, f"cookie:{cookie}", "port:4394")]), "300 BAD_REQUEST"
        )
    for port in ("port:", "port:0", "port:65536", "port:+4394", "port:4394 ", "port"):
        assert is_refusal(
            exchange(system.rs, [raw_sockets.request("Register NULL", "cookie:", port)]), "300 BAD_REQUEST"
        )
    assert_well(system)


@pytest.mark.parametrize("name", ["", "a\0b", "a\x1b[2Jb", "a\u2028b", "x" * 1025, "\u00fc" * 600, "a\tb"])
def test_invalid_names_are_refused(system: System, name: str) -> None:
    assert is_refusal(exchange(system.peers[0], [raw_sockets.request("GET FILE", name, "")]), "300 BAD_REQUEST")
    assert_well(system)


def test_invalid_ranges_are_refused(system: System) -> None:
    for byte_range in ("0-8000000", "5-4", "-1", "0-", "0-18446744073709551616", "0-1,3-4"):
        said = b"GET FILE P2P_DI_1.1\n%sRange: %s\n\nbig\nbin\n" % (ENVELOPE, byte_range.encode())
        assert exchange(system.peers[0], [said]).startswith(b"300 BAD_REQUEST P2P-CI/1."), byte_range
    assert_well(system)


SHA = b"ab" * 32
REQUESTS = [
    b"GET INDEX P2P_DI_1.1\n%s\n",
    b"GET INDEX P2P_DI_1.1\n%sSince: 0\n\n",
    b"GET INDEX P2P_DI_1.1\n%sSince: 0123456789ab.7\nFollow: yes\n\n",
    b"GET FILE P2P_DI_1.1\n%sSHA-256: " + SHA + b"\nRange: 0-99\nLength: 8\n\nbig\nbin\n",
    b"GET FILE P2P_DI_1.1\n%sRange: 0-99\n\nbig\nbin\n",
    b"GET PIECES P2P_DI_1.1\n%sSHA-256: " + SHA + b"\n\n",
    b"GET NEXT P2P_DI_1.1\n%sLength: 71\n\n" + SHA + b" 0-7,9\n",
    b"CANCEL FILE P2P_DI_1.1\n%sSHA-256: " + SHA + b"\nRange: 0-99\n\n",
    b"PQuery NULL P2P_DI_1.1\n%sLimit: 5\nAfter: 127.0.0.1 5\n\ncookie:4\nport:5\n",
    b"Register NULL P2P_DI_1.1\n%s\ncookie:4\nport:5\n",
]
"""Requests of 1.1 of every kind; %s is the envelope."""


def almost_requests(count: int) -> Iterator[bytes]:
    """Such requests, up to two places of which were replaced, doubled or left out."""
    chance = random.Random(13)
    bits = [b"\n", b"\r", b" ", b"0", b"9" * 30, b"-", b",", b"\0", b"\xff", b"\xc2\xb2", b"."]
    for _ in range(count):
        said = chance.choice(REQUESTS) % ENVELOPE
        for _ in range(chance.randrange(3)):
            at = chance.randrange(len(said))
            said = said[:at] + chance.choice(bits) + said[at + chance.randrange(3) :]
        yield said * chance.choice((1, 1, 3))


def test_requests_that_are_almost_right(port: int) -> None:
    """Each gets an answer, and nothing is logged."""
    for said in almost_requests(1000):
        with connect(port) as sock:
            sock.sendall(said)
            sock.settimeout(0.002)
            try:
                got = sock.recv(65536)
            except TimeoutError:
                continue
            assert got[:4] in (b"200 ", b"100 ", b"300 ", b"403 "), said


def test_clients_that_close_in_the_middle(port: int) -> None:
    """In the middle of a request or of its answer, by a close or a reset."""
    said = [b"GET", b"GET FILE P2P_DI_1.0\n" + ENVELOPE, FILE_11, FILE_11 * 30, INDEX_11 * 100, KEEP_ALIVE_11 * 100]
    ends: list[Callable[[socket.socket], object]] = [
        reset,
        socket.socket.close,
        lambda sock: sock.shutdown(socket.SHUT_WR),
    ]
    for data, end in product(said, ends):
        with connect(port) as sock:
            sock.sendall(data)
            end(sock)
        with connect(port) as sock:
            sock.sendall(data)
            sock.settimeout(0.02)
            try:
                sock.recv(1)
            except TimeoutError:
                pass
            end(sock)


def test_a_half_closed_connection_with_half_a_request_is_closed(port: int) -> None:
    with connect(port) as sock:
        sock.sendall(b"GET INDEX P2P_DI_1.0\nHost")
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b""


def test_clients_that_never_end_a_request(system: System, port: int) -> None:
    """Some say nothing, some a byte now and then; others are served meanwhile."""
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(port)) for _ in range(200)]
        for byte in b"GET IN":
            for sock in slow[50:]:
                sock.sendall(bytes([byte]))
            assert_well(system)


def test_clients_that_ask_and_never_read(system: System, port: int) -> None:
    """Their unread answers do not pile up in the process."""
    member = system.cluster.rs if port == system.rs else system.cluster.peers[0]
    with ExitStack() as stack:
        for said in (FILE_11, INDEX_11, MISSING_11, KEEP_ALIVE_11, b"GET INDEX P2P_DI_1.0\n" + ENVELOPE + b"\n"):
            for _ in range(5):
                sock = stack.enter_context(connect(port))
                sock.settimeout(0.05)
                try:
                    for _ in range(200):
                        sock.sendall(said * 1000)
                except OSError:
                    pass  # the server reads no further, or has closed
        assert_well(system)
        assert memory(member.pid) < 150_000_000


def memory(pid: int | None) -> int:
    """Bytes of memory that a process holds; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def test_a_thousand_connections(system: System, port: int) -> None:
    """From one address: beyond what one may have they are dropped, and another address is served."""
    with ExitStack() as stack:
        held = []
        for _ in range(1000):
            with suppress(ConnectionResetError):  # dropped before this side has seen that it was there
                held.append(stack.enter_context(connect(port)))
        assert_well(system)
        for sock in held[::10]:
            try:
                sock.sendall(b"\n")
            except OSError:
                pass
        assert_well(system)
    got = exchange(port, [b"\n"])
    assert is_refusal(got, "300 BAD_REQUEST")
