"""The client's process: started with the addresses of the RS of ours, watched, and ended."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PLACEHOLDER = re.compile(r"\{(rs|host|rs_port|port|dir|document|number)\}")
ENDS = ((signal.SIGINT, 4.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
"""The signals that end a client that goes on, and the seconds that each has."""
MAX_OUTPUT = 262_144
"""Bytes of the client's output that are looked at."""
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
    """A running client, in a group of processes of its own; it writes into the file `output`."""

    def __init__(self, command: Sequence[str], values: Mapping[str, str], typed: Path | None, output: Path) -> None:
        """Start it; `typed` is a file that it reads as its standard input. Raises NotStarted."""
        self._output = output
        words = filled(command, values)
        named = {f"P2P_CHECK_{name.upper()}": value for name, value in values.items()}
        try:
            with (typed or Path(os.devnull)).open("rb") as source, output.open("wb") as sink:
                self._process = subprocess.Popen(
                    words,
                    stdin=source,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **named},
                    start_new_session=True,
                )
        except OSError as error:
            raise NotStarted(f"cannot run {words[0]}: {error.strerror}") from None
        self.ended_by_itself = False

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

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def crash(self) -> str:
        """Return the line of its output that tells of a crash by now; "" if there is none."""
        code = self._process.poll()
        if code is not None and code < 0:
            return f"it ended by the signal {signal.Signals(-code).name}"
        return crash_in(self._said())

    def last_line(self) -> str:
        """Return the last line of its output by now, "" if there is none."""
        lines = self._said().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _said(self) -> bytes:
        with self._output.open("rb") as file:
            return file.read(MAX_OUTPUT)

    def wait(self, seconds: float) -> bool:
        """Wait for `seconds` at most; return whether it has ended."""
        deadline = time.monotonic() + seconds
        while self.is_running and time.monotonic() < deadline:
            time.sleep(0.02)
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
