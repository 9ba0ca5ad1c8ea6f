"""The sockets of the RS and the peers of ours: each request is read, noted, answered, and the connection closed."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from ..profile import Profile
from ..transcript import GOT, SENT, Transcript
from .requests import Found, Recognizer, Request
from .stage import Stage
from .ways import Way

MAX_REQUEST = 65_536
"""Bytes of a request that are read."""
SILENCE = 0.8
"""Seconds after which a request that is not whole is taken for one that is wrong."""
ALL_SERVED = 1.0
"""Seconds for what has come when the client has ended."""
LINGER = 2.0
"""Seconds that a client has to close its side after the answer."""
FIRST_BYTES = 300
"""Bytes of an answer in parts that are sent one by one."""
PART = 500
PAUSE = 0.002
NO_END = "its last line has no end"
NOT_KNOWN = "it is no request of this protocol, or not all of one"


class Place:
    """A server called `name` on a port of its own. `note` is given each request that came."""

    def __init__(
        self,
        name: str,
        profile: Profile,
        way: Way,
        transcript: Transcript,
        note: Callable[[Request], object],
        port: int = 0,
    ) -> None:
        """Listen on `port`, 0 for any."""
        self.name = name
        self.stage: Stage | None = None
        self._profile = profile
        self._way = way
        self._recognizer = Recognizer(profile)
        self._transcript = transcript
        self._note = note
        self._serving: list[threading.Thread] = []
        self._last = 0
        """The port of the connection behind which there is none of the client's."""
        self._all_taken = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def start(self, stage: Stage) -> None:
        """Serve from now on, in threads."""
        self.stage = stage
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Take no connections any more, once all that have come are served: the client has ended."""
        with suppress(OSError), socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            self._last = last.getsockname()[1]
            last.connect(("127.0.0.1", self.port))
            self._all_taken.wait(ALL_SERVED)
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        until = time.monotonic() + ALL_SERVED
        for thread in self._serving:
            thread.join(max(0.0, until - time.monotonic()))

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._all_taken.is_set():
                connection, (_, port) = self._listener.accept()
                if port == self._last:
                    connection.close()
                    self._all_taken.set()
                    return
                serving = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._serving = [*(thread for thread in self._serving if thread.is_alive()), serving]
                serving.start()

    def _serve(self, connection: socket.socket) -> None:
        number = self._transcript.new_connection()
        self._transcript.note(number, f"the client connects to {self.name}")
        with suppress(OSError), connection:
            raw, found, fault = self._read(connection)
            self._transcript.note(number, GOT, raw)
            if not raw or self.stage is None:
                return
            reply = self.stage.answer(self.name, found)
            message, fields = (found.message, found.fields) if found is not None else ("", {})
            self._note(Request(self._transcript.seconds, self.name, raw, message, fields, fault, reply.outcome == "ok"))
            sent = reply.body[: len(reply.body) // 2] if reply.breaks else reply.body
            self._transcript.note(number, SENT, reply.head + sent)
            self._send(connection, reply.head, sent, reply.breaks)

    def _read(self, connection: socket.socket) -> tuple[bytes, Found | None, str]:
        """Return what came, what it was recognized as, and what is wrong with it."""
        data = b""
        connection.settimeout(30)
        while len(data) < MAX_REQUEST:
            try:
                part = connection.recv(MAX_REQUEST)
            except TimeoutError:
                break
            data += part
            found = self._recognizer.find(data)
            if found is not None or not part:
                return data, found, "" if found is not None else NOT_KNOWN
            connection.settimeout(SILENCE)
        found = self._recognizer.find(data + self._profile.line_end)
        return data, found, NOT_KNOWN if found is None else NO_END

    def _send(self, connection: socket.socket, head: bytes, body: bytes, breaks: bool) -> None:
        connection.settimeout(30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if breaks:
            connection.sendall(head + body)
            time.sleep(0.1)  # else the reset may take back what was sent
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if self._way.split:
            self._in_parts(connection, head + body)
        elif self._way.pause:
            connection.sendall(head)
            time.sleep(self._way.pause)
            connection.sendall(body)
        else:
            connection.sendall(head + body)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(LINGER)
        while connection.recv(MAX_REQUEST):  # to close while the client sends would reset the connection
            pass

    @staticmethod
    def _in_parts(connection: socket.socket, data: bytes) -> None:
        for at in range(min(FIRST_BYTES, len(data))):
            connection.sendall(data[at : at + 1])
            time.sleep(PAUSE)
        for at in range(FIRST_BYTES, len(data), PART):
            connection.sendall(data[at : at + PART])
            time.sleep(PAUSE)
