"""Ends of TLS connections that no member may accept, by the standard library on blocking sockets: use them in threads.

Ten kinds, as clients and as servers. Each says what application data it got: none, if it was refused.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.swarm_ca import DAY, SwarmCA

KINDS = (
    "no certificate",
    "wrong CA",
    "expired",
    "not yet valid",
    "wrong host",
    "revoked",
    "self-signed",
    "plain text",
    "TLS 1.1",
    "stalled handshake",
)
TIMEOUT = 10.0
"""Seconds in which the other end must have closed."""
HELLO_1_1 = bytes.fromhex("160301002f0100002b0302") + bytes(32) + bytes.fromhex("000004c013002f0100")
"""A ClientHello whose version is TLS 1.1, without extensions."""
SERVER_HELLO_1_1 = bytes.fromhex("160302002a020000260302") + bytes(32) + bytes.fromhex("00c01300")
"""A ServerHello that chooses TLS 1.1."""


class Refused:
    """What a stranger got: application `data`, and the seconds until the other end had closed."""

    def __init__(self, data: bytes, seconds: float) -> None:
        self.data = data
        self.seconds = seconds


def folders(ca: SwarmCA, other: SwarmCA) -> dict[str, Path]:
    """Return the folder of the certificate of each kind that has one. The one to be revoked is `ca`'s "mallory"."""
    return {
        "wrong CA": other.issue("alice"),
        "expired": ca.dated("expired", -2 * DAY, -DAY),
        "not yet valid": ca.dated("early", DAY, 2 * DAY),
        "wrong host": ca.issue("elsewhere", ["192.0.2.9"]),
        "revoked": ca.issue("mallory"),
        "self-signed": ca.self_signed("self"),
    }


def context(folder: Path | None, server: bool) -> ssl.SSLContext:
    """Return a TLS context that accepts everybody, with the certificate in `folder`, if any."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if folder is not None:
        made.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return made


def client(kind: str, folder: Path | None, address: tuple[str, int], request: bytes) -> Refused:
    """Connect as a client of that kind, send `request`, and read until the end."""
    begin = time.monotonic()
    with socket.create_connection(address, TIMEOUT) as plain:
        return Refused(_talk(kind, folder, plain, request, server=False), time.monotonic() - begin)


class Server:
    """A server of one kind, on a port of loopback. It answers `answer` to whatever is asked."""

    def __init__(self, kind: str, folder: Path | None, answer: bytes) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(TIMEOUT)
        self.port: int = self._listening.getsockname()[1]
        self._one: Callable[[socket.socket], bytes] = lambda plain: _talk(kind, folder, plain, answer, server=True)

    def serve(self) -> Refused:
        """Take one connection until it ends."""
        with self._listening:
            plain, _ = self._listening.accept()
            begin = time.monotonic()
            with plain:
                plain.settimeout(TIMEOUT)
                return Refused(self._one(plain), time.monotonic() - begin)


def _talk(kind: str, folder: Path | None, plain: socket.socket, text: bytes, server: bool) -> bytes:
    """Return the application data that came; TLS records that are refusals or parts of the handshake are none."""
    raw = {
        "plain text": text,
        "TLS 1.1": SERVER_HELLO_1_1 if server else HELLO_1_1,
        "stalled handshake": b"" if server else HELLO_1_1[:20],
    }
    if kind in raw:
        plain.sendall(raw[kind])
        received = _rest(plain)
        return received if received[:1] not in (b"", b"\x15", b"\x16") else b""
    try:
        with context(folder, server).wrap_socket(plain, server_side=server) as secure:
            secure.sendall(text)
            secure.settimeout(TIMEOUT if server or kind != "wrong host" else 1)  # else it is answered, and may go on
            return _rest(secure)
    except (ssl.SSLError, ConnectionError):
        return b""


def _rest(connection: socket.socket) -> bytes:
    """Read until the other end has closed. Raises TimeoutError if nothing has come."""
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except TimeoutError:
        if not data:
            raise
    except (ssl.SSLError, ConnectionError):
        pass
    return data
