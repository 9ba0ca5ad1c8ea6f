"""An honest registration server of 1.1, and wrong ones that differ from it in one fault each."""

from __future__ import annotations

import itertools
import random
import re
import socket
from dataclasses import dataclass, field

from tests.check.servers.base import BadRequest, Lines
from tests.check.servers.wrong_rs import METHODS, PHRASES, HonestRS, Request, number

FIRST_LINE = re.compile(r"(\w+) NULL P2P(?:_DI_|-DI_|-DI/)(1\.[01])")
KNOWN = {"Length", "Limit", "After", "Sample"}
MAX_DATA = 16_384
TAKEN_FOR = 300


@dataclass
class Asked:
    """A request as it came: its version, and its headers but Host and OS."""

    method: str
    version: str
    headers: dict[str, str] = field(default_factory=dict)


class HonestRS11(HonestRS):
    """An RS of 1.1, which answers requests of 1.0 in 1.0."""

    def serve(self, sock: socket.socket) -> None:
        lines, host = Lines(sock), sock.getpeername()[0]
        version = "1.0"
        while True:
            try:
                first = lines.next()
            except BadRequest:
                return
            try:
                asked, request = self.read_next(lines, first)
                version = asked.version
                with self.lock:
                    code, body, more = self.answer_next(asked, request, host)
            except BadRequest as error:
                code, body, more = 300, f"{error}\n", []
            sock.sendall(self.encoded(code, version, body, more))
            if self.is_last(code, version):
                return

    def read_next(self, lines: Lines, first: str) -> tuple[Asked, Request]:
        """Read the request that begins with the line `first`. Raises BadRequest."""
        found = FIRST_LINE.fullmatch(first)
        if found is None or found[1] not in METHODS:
            raise BadRequest("this is no message of an RS")
        asked = Asked(found[1], found[2], self.read_headers(lines))
        if asked.version == "1.0" and asked.headers:
            raise BadRequest("1.0 has no such header")
        data = self.read_data(lines, asked.headers.get("Length"))
        new = asked.method == "Register" and data[0] == "cookie:"
        cookie = None if new else number(data[0], "cookie", highest=2**63)
        return asked, Request(asked.method, cookie, number(data[1], "port", "cookie", highest=65535))

    def read_headers(self, lines: Lines) -> dict[str, str]:
        """Read the head up to the empty line. Raises BadRequest."""
        pairs: list[tuple[str, str]] = []
        while line := lines.next():
            name, _, value = line.partition(" ")
            pairs.append((name.rstrip(":"), value))
            if len(pairs) > 31:
                raise BadRequest("the head is too long")
        names = [name for name, _ in pairs if name in KNOWN | {"Host", "OS"}]
        if len(names) > len(set(names)) or not {"Host", "OS"} <= set(names):
            raise BadRequest("a header is missing, or there twice")
        return {name: value for name, value in pairs if name not in ("Host", "OS")}

    def read_data(self, lines: Lines, length: str | None) -> list[str]:
        """Return the two lines of data. Raises BadRequest."""
        if length is None:
            return [lines.next(), lines.next()]
        if not length.isdecimal() or int(length) > MAX_DATA:
            raise BadRequest("Length must be a number of bytes")
        data = lines.read(int(length)).decode().split("\n")
        if len(data) != 3 or data[2]:
            raise BadRequest("the data must be two lines")
        return data[:2]

    def answer_next(self, asked: Asked, request: Request, host: str) -> tuple[int, str, list[str]]:
        """Return the status, the data and further headers. Raises BadRequest."""
        self.version = asked.version
        if request.cookie is None and any(
            one.active and (one.host, one.port) == (host, request.port) for one in self.peers.values()
        ):
            return 403, "another peer is active there\n", self.when_taken()
        listing = asked.method == "PQuery" and asked.version == "1.1"
        if listing:
            self.require_numbers(asked.headers)
        code, body = self.answer(request, host)
        if code == 200 and listing:
            body, more = self.part(body.splitlines(keepends=True), asked.headers)
            return code, body, more
        return code, body, []

    def require_numbers(self, headers: dict[str, str]) -> None:
        for name in ("Limit", "Sample"):
            if not re.fullmatch(r"[1-9]\d*", headers.get(name, "1")):
                raise BadRequest(f"{name} must be a number")
        if not re.fullmatch(r"\S+ \d+", headers.get("After", "a 1")):
            raise BadRequest("After must be an address and a port")

    def part(self, rows: list[str], headers: dict[str, str]) -> tuple[str, list[str]]:
        """Return the rows that are asked for, and whether there are others."""
        if "Sample" in headers:
            chosen = random.sample(rows, min(int(headers["Sample"]), len(rows)))
        else:
            behind = [row for row in rows if self.place(row) > self.place(headers.get("After", "! 0"))]
            rows, chosen = behind, behind[: int(headers.get("Limit", 200))]
        return "".join(chosen), ["More: yes"] if len(chosen) < len(rows) else []

    def place(self, row: str) -> tuple[str, int]:
        host, port = row.split()
        return host, int(port)

    def when_taken(self) -> list[str]:
        return [f"Retry-After: {TAKEN_FOR}"]

    def new_cookie(self) -> int:
        return random.getrandbits(31 if self.version == "1.0" else 63)

    def encoded(self, code: int, version: str, body: str, more: list[str]) -> bytes:
        lines = [f"{code} {PHRASES[code]} P2P-CI/{version}", "Host: 127.0.0.1", "OS: Linux"]
        if version == "1.1":
            lines += [f"Length: {self.length(body)}", *(more)]
        return ("\n".join(lines) + "\n\n" + body).encode()

    def length(self, body: str) -> int:
        return len(body)

    def is_last(self, code: int, version: str) -> bool:
        return version == "1.0" or code == 300


class LengthTooShort(HonestRS11):
    """Leaves the line end out of the length."""

    def length(self, body: str) -> int:
        return len(body) - 1


class ClosesEach(HonestRS11):
    """Closes after each answer."""

    def is_last(self, code: int, version: str) -> bool:
        return True


class GoesOnAfter300(HonestRS11):
    """Reads on after a refusal."""

    def is_last(self, code: int, version: str) -> bool:
        return version == "1.0"


class KeepsOldOpen(HonestRS11):
    """Keeps the connection after a request in 1.0."""

    def is_last(self, code: int, version: str) -> bool:
        return code == 300


class IgnoresLimit(HonestRS11):
    """Gives the whole list, whatever the limit."""

    def part(self, rows: list[str], headers: dict[str, str]) -> tuple[str, list[str]]:
        return super().part(rows, {**headers, "Limit": "100000"} if "Sample" not in headers else headers)


class AfterIncluded(HonestRS11):
    """Repeats the peer that After names."""

    def place(self, row: str) -> tuple[str, int]:
        host, port = super().place(row)
        return host, port if row.endswith("\n") else port - 1


class SameSample(HonestRS11):
    """Gives the first of the list for a sample."""

    def part(self, rows: list[str], headers: dict[str, str]) -> tuple[str, list[str]]:
        if "Sample" not in headers:
            return super().part(rows, headers)
        chosen = rows[: int(headers["Sample"])]
        return "".join(chosen), ["More: yes"] if len(chosen) < len(rows) else []


class NarrowCookies(HonestRS11):
    """Counts its cookies."""

    counter = itertools.count(1)

    def new_cookie(self) -> int:
        return next(self.counter)


class NoRetryAfter(HonestRS11):
    """Does not say when to try again."""

    def when_taken(self) -> list[str]:
        return []


class AnyHeader(HonestRS11):
    """Takes headers as they come, the last one of a name."""

    def read_headers(self, lines: Lines) -> dict[str, str]:
        found: dict[str, str] = {}
        while line := lines.next():
            name, _, value = line.partition(" ")
            found[name.rstrip(":")] = value
        return {name: value for name, value in found.items() if name not in ("Host", "OS")}


class RefusesUnknown(HonestRS11):
    """Refuses a header that it does not know."""

    def read_headers(self, lines: Lines) -> dict[str, str]:
        found = super().read_headers(lines)
        if set(found) - KNOWN:
            raise BadRequest("no such header")
        return found


class AlwaysOld(HonestRS11):
    """Answers in 1.0 whatever is asked."""

    def encoded(self, code: int, version: str, body: str, more: list[str]) -> bytes:
        return super().encoded(code, "1.0", body, more)
