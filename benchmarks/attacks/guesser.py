"""Guess cookies: ``python -m benchmarks.attacks.guesser RS-HOST RS-PORT VICTIM-PORT SOURCE COUNT SECONDS``.

Sends KeepAlive, Leave, PQuery and Register with random cookies of 31 and 63 bits, 64 at a time on one connection of
1.1; a connection that is closed is replaced. Prints a JSON object: guesses sent, answers with 200, answers in all, and
connections made. It ends after COUNT guesses, or when the seconds are over.
"""

import json
import random
import socket
import sys
import time

from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.messages import KeepAlive, Leave, PQuery, Register, Request, Version

BATCH = 64
TIMEOUT = 5.0
"""Seconds to wait for the answers to a batch."""
PAUSE = 0.05
"""Seconds before another connection."""


def guesses(port: int) -> bytes:
    """Return a batch of requests with random cookies."""
    kinds = (KeepAlive, Leave, PQuery, Register)
    messages = [random.choice(kinds)(random.getrandbits(random.choice((31, 63))), port) for _ in range(BATCH)]
    return b"".join(encode_request(Request(message, Version.V11, "a", "b")) for message in messages)


class Guesser:
    """Sends batches of guesses to the RS at ``rs`` until its connection is closed."""

    def __init__(self, rs: tuple[str, int], port: int, source: str) -> None:
        self.sent = self.right = self.answered = self.connections = 0
        self._rs = rs
        self._port = port
        self._source = source

    def connect(self, until: float, count: int) -> None:
        """Use one connection for as long as it lasts. Raises OSError."""
        with socket.create_connection(self._rs, TIMEOUT, (self._source, 0)) as sock:
            self.connections += 1
            while self.sent < count and time.monotonic() < until:
                sock.sendall(guesses(self._port))
                self.sent += BATCH
                self._read(sock, until)

    def _read(self, sock: socket.socket, until: float) -> None:
        missing = BATCH
        while missing > 0 and time.monotonic() < until:
            data = sock.recv(2**18)
            if not data:
                raise ConnectionError("closed")
            missing -= data.count(b"P2P-CI/1.")
            self.answered += data.count(b"P2P-CI/1.")
            self.right += data.count(b"200 OK")


def main() -> None:
    host, rs_port, port, source, count, seconds = sys.argv[1:]
    guesser = Guesser((host, int(rs_port)), int(port), source)
    end = time.monotonic() + float(seconds)
    while guesser.sent < int(count) and time.monotonic() < end:
        try:
            guesser.connect(end, int(count))
        except OSError:
            time.sleep(PAUSE)
    counts = {name: getattr(guesser, name) for name in ("sent", "right", "answered", "connections")}
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main()
