"""``--trace FILE``: each message that this process receives, as a line of JSON.

A message is written where it arrives. Of two processes that both write a trace, the two files together have what went
back and forth between them. A line has ``from`` and ``to`` (addresses), ``began`` and ``ended`` (when the first and the
last byte came; seconds since 1970), ``kind`` (request, response, garbage), ``summary``, ``head`` and the beginning of
the ``body``, and ``length``, the bytes of the body. The first line that a process writes says ``process``, its verb.

What arrives is looked at before it is handled. Where there is no trace, nothing is done for a message.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from twisted.logger import Logger

from ..config.folders import folder, make_private
from ..config.settings import Setting
from ..config.startup import StartError
from ..wire.onlooker import Onlooker, RequestOnlooker, ResponseOnlooker, SeenMessage
from ..wire.summary import summary

TRACE = Setting("trace", "File to which each message that arrives is appended as a line of JSON.", folder)
MAX_TRACE = 256 * 1024 * 1024
"""Bytes that a process writes; then its trace ends with a line that says so."""

_log = Logger()


class Trace:
    """Writes the messages of the connections that it watches to `file`."""

    def __init__(self, file: BinaryIO, limit: int = MAX_TRACE) -> None:
        self._file: BinaryIO | None = file
        self._left = limit

    def begin(self, process: str) -> None:
        """Write which process this is."""
        self._write({"process": process, "began": time.time()})

    def watch(self, connection: Any, onlooker: Onlooker) -> None:
        """Write what `connection`, a protocol with a transport, receives from now on."""
        local, remote = (_text(end) for end in (connection.transport.getHost(), connection.transport.getPeer()))
        take, lose = connection.dataReceived, connection.connectionLost

        def data_received(data: bytes) -> None:
            self._messages(onlooker.feed(data, time.time()), remote, local)
            take(data)

        def connection_lost(reason: Any) -> None:
            self._messages(onlooker.end(time.time()), remote, local)
            lose(reason)

        connection.dataReceived, connection.connectionLost = data_received, connection_lost

    def _messages(self, messages: Iterable[SeenMessage], sender: str, receiver: str) -> None:
        for message in messages:
            self._write({"from": sender, "to": receiver, **_plain(message)})

    def _write(self, line: dict[str, object]) -> None:
        if self._file is None:
            return
        data = json.dumps(line).encode() + b"\n"
        self._left -= len(data)
        if self._left < 0:
            data = json.dumps({"end": "the trace has reached its size", "began": time.time()}).encode() + b"\n"
        try:
            self._file.write(data)
        except OSError as e:
            _log.warn("the trace ends here: {reason}", reason=e.strerror)
            self._left = -1
        if self._left < 0:
            self._file.close()
            self._file = None


def _plain(message: SeenMessage) -> dict[str, object]:
    return {
        "began": round(message.began, 6),
        "ended": round(message.ended, 6),
        "kind": message.kind,
        "summary": summary(message),
        "head": message.head.decode("utf-8", "backslashreplace"),
        "body": message.body.decode("utf-8", "backslashreplace"),
        "length": message.length,
    }


def _text(end: Any) -> str:
    return f"[{end.host}]:{end.port}" if ":" in end.host else f"{end.host}:{end.port}"


_active: Trace | None = None


def start_trace(path: Path | None, process: str) -> None:
    """Write the messages of all connections made from now on to `path`, if it is given. Raises StartError.

    Its owner alone may read the file: it has cookies.
    """
    global _active
    if path is None:
        return
    try:
        make_private(path)
        _active = Trace(path.open("ab", buffering=0))
    except OSError as e:
        raise StartError(f"--trace: {path} cannot be written: {e.strerror}") from None
    _active.begin(process)


def trace_requests(connection: Any) -> None:
    """Watch a connection of a server, if there is a trace."""
    if _active is not None:
        _active.watch(connection, RequestOnlooker())


def trace_responses(connection: Any) -> None:
    """Watch a connection to a server, if there is a trace."""
    if _active is not None:
        _active.watch(connection, ResponseOnlooker())
