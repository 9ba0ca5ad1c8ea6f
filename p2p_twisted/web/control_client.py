"""A small blocking client of the control API, for the command line and for scripts. Imports no Twisted."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlencode

SOCKET_FILE = "api.sock"
KEY_FILE = "api.key"
PATH = "/api/v1/"


_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


class ControlError(Exception):
    """A call that failed, with one line for people.

    `kind` is ``not-running`` (nothing listens there), ``lost`` (it stopped, or the answer is not of the API),
    ``timeout``, ``no-access`` (this user may not use the socket or the key), or ``refused``: then `status` is the HTTP
    status.
    """

    def __init__(self, kind: str, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.status = status


class PeerEvent(NamedTuple):
    """An event of ``GET events``: its name and its fields."""

    name: str
    data: Any


class _UnixConnection(HTTPConnection):
    """HTTP over the Unix socket `path`."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


class ControlClient:
    """Calls the peer or RS whose state folder is `state_dir`, on its Unix socket or at `address` (host, port).

    The connection stays open between GETs. `timeout` is in seconds, for each wait. Not for several threads at once.
    Every method raises ControlError.
    """

    def __init__(self, state_dir: Path, address: tuple[str, int] | None = None, timeout: float = 30) -> None:
        self._state_dir = state_dir
        self._address = address
        self._timeout = timeout
        self._where = f"{address[0]}:{address[1]}" if address else str(state_dir / SOCKET_FILE)
        self._connection = self._new_connection()

    def _new_connection(self) -> HTTPConnection:
        if self._address is not None:
            return HTTPConnection(*self._address, timeout=self._timeout)
        return _UnixConnection(self._state_dir / SOCKET_FILE, self._timeout)

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON of the answer to ``GET /api/v1/path?query``."""
        return self._call("GET", _with_query(path, query), None, {})

    def post(self, path: str, body: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """Return the JSON of the answer to a POST of `body`. `timeout` is this call's own."""
        self._connection.timeout = timeout or self._timeout
        try:
            return self._call("POST", path, body or {}, self._authorization())
        finally:
            self._connection.timeout = self._timeout

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON of the answer to a PUT of `body`."""
        return self._call("PUT", path, body, self._authorization())

    def delete(self, path: str) -> Any:
        """Return the JSON of the answer to a DELETE."""
        return self._call("DELETE", path, None, self._authorization())

    def events(self, **query: str | int) -> EventReader:
        """Follow ``GET /api/v1/events?query`` on a connection of its own, from now on."""
        connection = self._new_connection()
        try:
            connection.request("GET", PATH + _with_query("events", query))
            response = connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise self._as_control_error(error) from None
        if response.status != 200:
            connection.close()
            raise ControlError("refused", f"{self._where}: no events, HTTP status {response.status}", response.status)
        return EventReader(connection, response, self._where)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()

    def _authorization(self) -> dict[str, str]:
        try:
            key = read_key(self._state_dir)
        except OSError as error:
            raise ControlError("no-access", f"{error.filename}: {error.strerror}") from None
        if key is None:
            raise ControlError("no-access", f"{self._state_dir}: no api.key in this folder")
        return {"Authorization": f"Bearer {key}"}

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, headers: dict[str, str]) -> Any:
        payload = None
        if body is not None:
            payload, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        status, data = self._exchange(method, path, payload, headers)
        if status >= 400:
            raise ControlError("refused", _reason(data, status), status)
        return data

    def _exchange(self, method: str, path: str, payload: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        """Exchange a request and its answer. When the server closed an idle connection, send a GET on a new one."""
        if method != "GET":
            self._connection.close()  # sent twice, it could be done twice
        reused = self._connection.sock is not None
        try:
            self._connection.request(method, PATH + path, payload, headers)
            response = self._connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()
            if reused and isinstance(error, ConnectionError):
                return self._exchange(method, path, payload, headers)
            raise self._as_control_error(error) from None

    def _as_control_error(self, error: Exception) -> ControlError:
        if isinstance(error, TimeoutError):
            return ControlError("timeout", f"{self._where}: no answer for {self._connection.timeout:g} seconds")
        if isinstance(error, PermissionError):
            return ControlError("no-access", f"{self._where}: belongs to another user")
        if isinstance(error, (FileNotFoundError, NotADirectoryError, ConnectionRefusedError)):
            return ControlError("not-running", f"{self._where}: no process is listening there")
        return ControlError("lost", f"{self._where}: {error or 'the connection was lost'}")


class EventReader:
    """The stream of ``GET events``, as ControlClient.events opens it; a thread reads it."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse, where: str) -> None:
        self._socket = connection.sock
        self._socket.settimeout(None)
        self._response = response
        self._where = where
        self._events: SimpleQueue[PeerEvent | None] = SimpleQueue()
        Thread(target=self._read, daemon=True).start()

    def wait(self, timeout: float) -> PeerEvent | None:
        """Return the next event, or None if none arrives within `timeout` seconds.

        Raises ControlError, now and later, when the stream was cut.
        """
        try:
            event = self._events.get(timeout=timeout)
        except Empty:
            return None
        if event is None:
            self._events.put(None)
            raise ControlError("lost", f"{self._where}: the stream of events was cut")
        return event

    def close(self) -> None:
        """Close the connection, which ends the thread."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # closed by the other side
            pass

    def _read(self) -> None:
        try:
            name = ""
            for line in self._response:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    self._events.put(PeerEvent(name, json.loads(value)))
        except (OSError, HTTPException, ValueError):  # cut in the middle, which is the end as well
            pass
        self._socket.close()
        self._events.put(None)


def _with_query(path: str, query: Mapping[str, str | int]) -> str:
    return path + ("?" + urlencode(query) if query else "")


def _reason(data: Any, status: int) -> str:
    text = data.get("error") if isinstance(data, dict) else None
    return text if isinstance(text, str) else f"HTTP status {status}"


def read_key(state_dir: Path) -> str | None:
    """Return the key in `state_dir`, or None if there is none. Raises OSError if it cannot be read."""
    try:
        text = (state_dir / KEY_FILE).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    return text if _KEY.fullmatch(text) else None
