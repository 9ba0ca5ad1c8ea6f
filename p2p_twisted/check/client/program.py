"""The client's process: started with the addresses of the RS of ours, watched, and ended."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PLACEHOLDER = re.compile(r"\{(rs|host|rs_port|port|dir|document|number)\}")
ENDS = ((signal.SIGINT, 4.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
"""The signals that end a client that goes on, and the seconds that each has."""
MAX_OUTPUT = 262_144
"""Bytes of the client's output that are kept."""
ALL_READ = 0.5
"""Seconds for the rest of the output of a client that has ended; what it has started may still hold the pipe."""
CRASHES = (
    b"Traceback (most recent call last)",
    *(b"Exception in thread", b"Segmentation fault", b"panic:", b"Unhandled exception", b"core dumped"),
)

ERROR = re.compile(r"\w[\w.]*(Error|Exception|Refused|Interrupt)\b")
"""The line of a traceback that names the error."""


class NotStarted(Exception):
    """The command cannot be run; the text says why."""


def filled(command: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return `command` with its places filled in: {rs}, {host}, {rs_port}, {port}, {dir}, {document}, {number}."""
    return [PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in command]


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Program:
    """A running client, in a group of processes of its own; the end of what it prints is kept."""

    def __init__(self, command: Sequence[str], values: Mapping[str, str], typed: Path | None) -> None:
        """Start it; `typed` is a file that it reads as its standard input. Raises NotStarted."""
        words = filled(command, values)
        named = {f"P2P_CHECK_{name.upper()}": value for name, value in values.items()}
        try:
            with (typed or Path(os.devnull)).open("rb") as source:
                self._process = subprocess.Popen(
                    words,
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **named},
                    start_new_session=True,
                )
        except OSError as error:
            raise NotStarted(f"cannot run {words[0]}: {error.strerror}") from None
        self.output = b""
        self.ended_by_itself = False
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as source:
            while data := os.read(source.fileno(), MAX_OUTPUT):
                self.output = (self.output + data)[-MAX_OUTPUT:]

    @property
    def is_running(self) -> bool:
        """Whether the client has not ended yet."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it, gently at first, with all that it has started."""
        self.ended_by_itself = not self.is_running
        for number, seconds in ENDS:
            if self.is_running:
                self._signal(number)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(seconds)
        self._signal(signal.SIGKILL)
        self._reading.join(ALL_READ)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def crash(self) -> str:
        """Return the line of its output that tells of a crash by now; "" if there is none."""
        code = self._process.poll()
        if code is not None and code < 0:
            return f"it ended by the signal {signal.Signals(-code).name}"
        return crash_in(self.output)

    def last_line(self) -> str:
        """Return the last line of its output by now, "" if there is none."""
        lines = self.output.decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def wait(self, seconds: float) -> bool:
        """Wait for `seconds` at most; return whether it has ended, and all that it has printed is read."""
        deadline = time.monotonic() + seconds
        while self.is_running and time.monotonic() < deadline:
            time.sleep(0.02)
        if not self.is_running:
            self._reading.join(ALL_READ)
        return not self.is_running


def crash_in(output: bytes) -> str:
    """Return the line of `output` that names the error of a crash; "" if it has none."""
    found = [at for sign in CRASHES if (at := output.find(sign)) >= 0]
    if not found:
        return ""
    lines = output[min(found) :].decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in lines[1:] if ERROR.match(line)), lines[0].strip())


def can_be_reached(port: str) -> bool:
    """Return whether somebody takes connections at `port` of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", int(port)), 1).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True
