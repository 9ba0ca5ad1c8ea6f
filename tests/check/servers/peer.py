"""A small honest peer of 1.0 and 1.1 in plain sockets, for wrong ones to inherit from."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from tests.check.servers.base import BadRequest, Server

FIRST_LINE = re.compile(r"(GET|SEARCH|CANCEL|Hello) (\w+) P2P[_-]DI[_/-]1\.([01])")
MAX_LINE = 8192
MAX_LINES = 32
DATA_LINES = {"GET FILE": 2, "GET NEXT": 1, "GET SOURCES": 1, "SEARCH INDEX": 1, "Hello NULL": 1}
IN_1_0 = ("GET INDEX", "GET FILE")
PIECE = 65_536
PHRASES = {100: "FILE_NOT_FOUND", 200: "OK", 300: "BAD_REQUEST"}
Headers = list[tuple[str, str]]


class NotFound(Exception):
    """The document is not here."""


class HonestPeer(Server):
    """Shares the files of `folder`. Whatever a wrong one does otherwise is a method."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def serve(self, sock: socket.socket) -> None:
        with sock.makefile("rb") as file:
            while self._answer_next(sock, file):
                pass
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(1)
            while sock.recv(PIECE):  # else what the client still sends would reset the connection
                pass

    def _answer_next(self, connection: socket.socket, file: BinaryIO) -> bool:
        """Answer one request; return whether another may follow."""
        minor = "0"
        try:
            what, minor, headers = self.head(file)
            body, more = self.answer(what, minor, headers, self._data(file, what, headers))
            connection.sendall(self.response(200, minor, body, more))
            while headers.get("Follow") and connection.recv(1):
                pass
        except NotFound:
            connection.sendall(self.response(100, minor, b"no such document here\n", []))
        except (BadRequest, UnicodeDecodeError):
            connection.sendall(self.response(300, minor, b"not a request of this protocol\n", []))
            return False
        return minor == "1"

    def response(self, status: int, minor: str, body: bytes, more: Headers) -> bytes:
        lines = [f"{status} {PHRASES[status]} P2P-CI/1.{minor}", "Host: 127.0.0.1", "OS: Linux"]
        if minor == "1":
            lines += [f"Length: {self.length(body)}", *(f"{name}: {value}" for name, value in more)]
        return "\n".join([*lines, "", ""]).encode() + body

    def length(self, body: bytes) -> int:
        return len(body)

    # requests

    def _line(self, file: BinaryIO) -> str:
        line = file.readline(MAX_LINE + 2)
        if not line:
            raise OSError("the client is gone")
        text = line.decode().rstrip("\n").removesuffix("\r")
        if not line.endswith(b"\n") or not (text.isprintable() or text == ""):
            raise BadRequest("not a request of this protocol")
        return text

    def head(self, file: BinaryIO) -> tuple[str, str, dict[str, str]]:
        match = FIRST_LINE.fullmatch(self._line(file))
        if match is None:
            raise BadRequest("not a request of this protocol")
        what = f"{match[1]} {match[2].upper() if match[1] == 'GET' else match[2]}"
        if what not in IN_1_0 and match[3] == "0":
            raise BadRequest("not a request of this protocol")
        headers: dict[str, str] = {}
        while line := self._line(file):
            name, _, value = line.partition(" ")
            name = name.removesuffix(":")
            if name in headers or not value or len(headers) >= MAX_LINES:
                raise BadRequest("not a request of this protocol")
            headers[name] = value
        if "Host" not in headers or "OS" not in headers:
            raise BadRequest("not a request of this protocol")
        return what, match[3], headers

    def _data(self, file: BinaryIO, what: str, headers: dict[str, str]) -> list[str]:
        wrong = [headers.get("Follow", "yes") != "yes", headers.get("Hearsay", "yes") != "yes"]
        wrong += ["Follow" in headers and "Since" not in headers, " " in headers.get("Since", "")]
        if any(wrong) or not re.fullmatch(r"\d+", headers.get("Length", "0")):
            raise BadRequest("not a request of this protocol")
        return [self._line(file) for _ in range(DATA_LINES.get(what, 0))]

    # answers

    def answer(self, what: str, minor: str, headers: dict[str, str], data: Sequence[str]) -> tuple[bytes, Headers]:
        if what == "GET INDEX":
            return "".join(f"{line}\n" for line in self.records(minor)).encode(), [("Index", "a.1")]
        if what == "GET FILE":
            return self.file(".".join(filter(None, data)), headers)
        if what == "GET PIECES":
            content = self.with_hash(headers["SHA-256"])
            return "".join(f"{sha256(piece)}\n" for piece in pieces(content)).encode(), []
        if what in ("Hello NULL", "CANCEL FILE", "SEARCH INDEX"):
            return b"", []
        if what == "GET SOURCES":
            self.with_hash(headers["SHA-256"])
            return b"", []
        if what in ("GET NEXT", "GET TURN"):
            raise NotFound
        raise BadRequest("not a request of this protocol")

    def records(self, minor: str) -> Iterator[str]:
        for path in sorted(self.folder.iterdir()):
            stem, _, kind = path.name.rpartition(".")
            record = f"{stem or path.name}\t{kind if stem else ''}\t\t127.0.0.1\t{self.port}\t7200"
            content = path.read_bytes()
            parts = [bytes.fromhex(sha256(piece)) for piece in pieces(content)]
            of_pieces = sha256(b"".join(parts)) if len(parts) > 1 else "-"
            yield record + (f"\t{len(content)}\t{sha256(content)}\t{of_pieces}" if minor == "1" else "")

    def file(self, name: str, headers: dict[str, str]) -> tuple[bytes, Headers]:
        if not name:
            raise BadRequest("not a request of this protocol")
        content = self.with_hash(headers["SHA-256"]) if "SHA-256" in headers else self.content(name)
        more = [("Size", str(len(content))), ("SHA-256", sha256(content))]
        return (
            (self.part(content, headers["Range"]), [*more, ("Range", headers["Range"])])
            if "Range" in headers
            else (
                content,
                more,
            )
        )

    def part(self, content: bytes, text: str) -> bytes:
        match = re.fullmatch(r"(\d+)-(\d+)", text)
        if match is None or not int(match[1]) <= int(match[2]) < len(content):
            raise BadRequest("not a request of this protocol")
        return content[int(match[1]) : int(match[2]) + 1]

    def content(self, name: str) -> bytes:
        if name not in [path.name for path in self.folder.iterdir()]:
            raise NotFound
        return (self.folder / name).read_bytes()

    def with_hash(self, wanted: str) -> bytes:
        for path in self.folder.iterdir():
            content = path.read_bytes()
            if sha256(content) == wanted:
                return content
        raise NotFound


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pieces(content: bytes) -> list[bytes]:
    return [content[at : at + PIECE] for at in range(0, len(content), PIECE)]
