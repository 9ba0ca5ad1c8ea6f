"""A small blocking client of the control API, for the command line and for scripts. Imports no Twisted."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from .http.key import read_key

SOCKET_FILE = "api.sock"
PATH = "/api/v1/"


class ControlError(Exception):
    """A call that failed, with one line for people.

    `kind` is ``not-running`` (nobody listens), ``lost`` (it stopped, or what answers is not the API), ``timeout``,
    ``no-access`` (the socket or the key is not ours to use), or ``refused``: then `status` is the HTTP status.
    """

    def __init__(self, kind: str, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.status = status


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
        self._timeout = timeout
        self._where = f"{address[0]}:{address[1]}" if address else str(state_dir / SOCKET_FILE)
        self._connection = HTTPConnection(*address, timeout=timeout) if address else self._unix()

    def _unix(self) -> HTTPConnection:
        return _UnixConnection(self._state_dir / SOCKET_FILE, self._timeout)

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON that ``GET /api/v1/path?query`` answers with."""
        return self._call("GET", path + ("?" + urlencode(query) if query else ""), None, {})

    def post(self, path: str, body: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """The JSON that a POST of `body` answers with. `timeout` is this call's own."""
        self._connection.timeout = timeout or self._timeout
        try:
            return self._call("POST", path, body or {}, self._authorization())
        finally:
            self._connection.timeout = self._timeout

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that a PUT of `body` answers with."""
        return self._call("PUT", path, body, self._authorization())

    def delete(self, path: str) -> Any:
        """The JSON that a DELETE answers with."""
        return self._call("DELETE", path, None, self._authorization())

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
        """One request and its answer. When the server closed an idle connection, a GET is sent again on a new one."""
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
            return ControlError("not-running", f"{self._where}: nobody listens there")
        return ControlError("lost", f"{self._where}: {error or 'the connection was lost'}")


def _reason(data: Any, status: int) -> str:
    text = data.get("error") if isinstance(data, dict) else None
    return text if isinstance(text, str) else f"HTTP status {status}"
