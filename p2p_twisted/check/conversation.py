"""A connection to the server under check: a blocking socket with a deadline, and a record of all that goes over it."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType

from .model import Failed
from .transcript import GOT, SENT, Transcript

MAX_RECEIVED = 64 * 2**20
"""Bytes that are read from one connection."""

CHUNK = 65_536

ENOUGH, CLOSED, SILENT = "enough", "closed", "silent"
"""Why reading stopped: what was waited for has come, the server has closed its side, or nothing more came in time."""


class Gone(Failed):
    """The server does not take a connection."""


class Lost(Failed):
    """The server broke off the connection."""


class Silent(Failed):
    """The server did not answer in time."""


class Conversation:
    """A connection. A context closes it at its end.

    `timeout` is in seconds, for each wait; `until` is the moment of the monotonic clock at which the check must be
    over. `buffer` has what has come and was not taken yet, `closed` says that the server has closed its side.
    """

    def __init__(self, address: tuple[str, int], transcript: Transcript, timeout: float, until: float) -> None:
        """Connect. Raises Gone."""
        self.timeout = timeout
        self.until = until
        self.buffer = bytearray()
        self.closed = False
        self.ended = False
        self._received = 0
        self._transcript = transcript
        self._number = transcript.new_connection()
        try:
            self.socket = socket.create_connection(address, self._wait(timeout))
        except OSError as error:
            self._note(f"no connection: {error.strerror or error}")
            raise Gone(
                f"the server takes no connection ({error.strerror or 'nobody answers'})",
                "see whether its process has ended with an error; whatever a client sends, go on accepting others",
            ) from None
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._note("opened")

    @property
    def host(self) -> str:
        """The address of this side, without a zone."""
        name: str = self.socket.getsockname()[0]
        return name.partition("%")[0]

    def send(self, data: bytes) -> None:
        """Send `data` in one go. Raises Lost; Silent, if the server does not take it in time."""
        self._note(SENT, data)
        try:
            self.socket.settimeout(self._wait(self.timeout))
            self.socket.sendall(data)
        except TimeoutError:
            raise Silent(f"the server did not take {len(data)} bytes within {self.timeout:g} s") from None
        except OSError as error:
            raise self._lost(error) from None

    def send_parts(self, parts: Iterable[bytes], pause: float = 0.0) -> None:
        """Send each of `parts` by itself, `pause` seconds apart. Raises as `send`."""
        for part in parts:
            self.send(part)
            time.sleep(pause)

    def end_sending(self) -> None:
        """Close the sending side: the server sees the end of what comes."""
        if not self.ended:
            self.ended = True
            self._note("end of sending")
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def fill(self, enough: Callable[[bytearray], bool], timeout: float | None = None) -> str:
        """Read until the buffer is `enough`; return ENOUGH, CLOSED or SILENT. Raises Lost.

        SILENT means that nothing came for `timeout` seconds (by default the conversation's).
        """
        while not enough(self.buffer):
            if self.closed:
                return CLOSED
            try:
                self.socket.settimeout(self._wait(self.timeout if timeout is None else timeout))
                data = self.socket.recv(CHUNK)
            except TimeoutError:
                return SILENT
            except OSError as error:
                raise self._lost(error) from None
            self._got(data)
        return ENOUGH

    def take(self, size: int) -> bytes:
        """Return `size` bytes from the buffer, or as many as there are; they leave it."""
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def reset(self) -> None:
        """Break the connection off: the server sees a reset."""
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._note("reset by this side")
        self.socket.close()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> Conversation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _got(self, data: bytes) -> None:
        if not data:
            self.closed = True
            self._note("closed by the server")
            return
        self._note(GOT, data)
        self.buffer += data
        self._received += len(data)
        if self._received > MAX_RECEIVED:
            raise Failed(f"the server sent more than {MAX_RECEIVED} bytes", "end each answer where its body ends")

    def _wait(self, timeout: float) -> float:
        """Return how long to wait: `timeout`, or less if the check is about to be over. Raises Failed if it is."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise Failed("the check was not over in time", "answer each request as soon as its last line is in")
        return min(timeout, left)

    def _lost(self, error: OSError) -> Lost:
        self.closed = True
        self._note("reset by the server")
        return Lost(
            f"the server broke off the connection ({error.strerror or error})",
            "read the whole request before the socket is closed, and close it after the answer only",
        )

    def _note(self, event: str, data: bytes = b"") -> None:
        self._transcript.note(self._number, event, data)
