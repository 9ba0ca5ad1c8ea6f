"""A small blocking client of the control API, for the command line and for scripts. Imports no Twisted."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from .connection import Connection

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


class ControlClient:
    """Calls the peer or RS whose state folder is `state_dir`, on its Unix socket or at `address` (host, port).

    The connection stays open between GETs. `timeout` is in seconds, for each wait. Not for several threads at once.
    Every method raises ControlError.
    """

    def __init__(self, state_dir: Path, address: tuple[str, int] | None = None, timeout: float = 30) -> None:
        self._state_dir = state_dir
        self._timeout = timeout
        self._address = address or os.fspath(state_dir / SOCKET_FILE)
        self._where = f"{address[0]}:{address[1]}" if address else str(state_dir / SOCKET_FILE)
        self._connection = Connection(self._address, timeout)

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
        """Follow ``GET /api/v1/events?query`` on a connection of its own; events from now on arrive there."""
        connection = Connection(self._address, self._timeout)
        try:
            connection.request("GET", PATH + _with_query("events", query), b"", {}, version="1.0")
            status, _ = connection.receive_head()
        except (OSError, ValueError) as error:
            connection.close()
            raise self._as_control_error(error) from None
        if status != 200:
            connection.close()
            raise ControlError("refused", f"{self._where}: no events, HTTP status {status}", status)
        return EventReader(connection, self._where)

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
        payload = b""
        if body is not None:
            payload, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        status, data = self._exchange(method, path, payload, headers)
        if status >= 400:
            raise ControlError("refused", _reason(data, status), status)
        return data

    def _exchange(self, method: str, path: str, payload: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        """Exchange a request and its answer. When the server closed an idle connection, send a GET on a new one."""
        if method != "GET":
            self._connection.close()  # sent twice, it could be done twice
        reused = self._connection.is_open
        try:
            status, data = self._connection.exchange(method, PATH + path, payload, headers)
            return status, json.loads(data)
        except (OSError, ValueError) as error:
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
            return ControlError("not-running", f"{self._where}: nobody listens there")
        return ControlError("lost", f"{self._where}: {error or 'the connection was lost'}")


class EventReader:
    """The stream of ``GET events``, as ControlClient.events opens it."""

    def __init__(self, connection: Connection, where: str) -> None:
        self._connection = connection
        self._where = where
        self._unread = connection.take()

    def wait(self, timeout: float) -> list[PeerEvent]:
        """Wait for more of the stream, at most `timeout` seconds; return the events in it, if there are any.

        Raises ControlError when the stream was cut.
        """
        try:
            self._unread += self._connection.receive(max(timeout, 0.001))
        except TimeoutError:
            return []
        except OSError as error:
            raise ControlError("lost", f"{self._where}: {error}") from None
        *blocks, self._unread = self._unread.split(b"\n\n")
        return [_event(block) for block in blocks if b"event: " in block]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _event(block: bytes) -> PeerEvent:
    fields = dict(line.split(": ", 1) for line in block.decode().splitlines() if not line.startswith(":"))
    return PeerEvent(fields["event"], json.loads(fields["data"]))


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
