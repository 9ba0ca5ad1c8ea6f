"""Where the control API listens: always on a Unix socket in the state folder, and besides wherever it is told to.

So a client on the same machine finds it by the state folder alone, and nothing is on TCP unless somebody asked.
"""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import UNIXServerEndpoint, serverFromString
from twisted.internet.interfaces import IListeningPort, IReactorTime, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource

from .key import load_or_create_key
from .site import ControlSite

SOCKET_FILE = "api.sock"
MAX_SOCKET_PATH = 107
"""Longest path of a Unix socket, in bytes."""


class ApiStartError(Exception):
    """The API cannot listen. One line that names where, and what to do about it."""


def makeApiService(reactor: IReactorTime, description: str | None, state_dir: Path, root: IResource) -> MultiService:
    """A service that serves `root` on the Unix socket in `state_dir` and, if given, at the endpoint `description`.

    Makes the key in `state_dir` (which must exist) if there is none. Raises OSError when it cannot, and ApiStartError
    for a path that is too long or a description that is none. Starting the service raises ApiStartError when the
    socket belongs to a running peer or RS, or the endpoint is taken.
    """
    path = state_dir / SOCKET_FILE
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise ApiStartError(
            f"{path}: longer than {MAX_SOCKET_PATH} bytes, a socket's limit; use a shorter state folder"
        )
    site = ControlSite(root, load_or_create_key(state_dir), reactor)
    listeners: list[_Listener] = [_SocketListener(path, UNIXServerEndpoint(reactor, os.fspath(path), mode=0o600), site)]
    if description is not None:
        listeners.append(_Listener(f"web endpoint {description}", _endpoint(reactor, description), site))
    service = MultiService()
    for listener in listeners:
        listener.setServiceParent(service)  # type: ignore[no-untyped-call]
    return service


def _endpoint(reactor: IReactorTime, description: str) -> IStreamServerEndpoint:
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    except (ValueError, TypeError) as error:
        raise ApiStartError(
            f"web endpoint {description}: {error}; say for example tcp:8080:interface=localhost"
        ) from None
    return endpoint


class _Listener(Service):
    """Serves the site at one endpoint; `where` names it in an error."""

    _log = Logger()

    def __init__(self, where: str, endpoint: IStreamServerEndpoint, site: ControlSite) -> None:
        self._where = where
        self._endpoint = endpoint
        self._site = site
        self._port: IListeningPort | None = None
        self._error: ApiStartError | None = None

    def startService(self) -> None:
        """Listen. Raises ApiStartError when it fails at once; a later failure is logged."""
        super().startService()  # type: ignore[no-untyped-call]
        self._endpoint.listen(self._site).addCallbacks(self._listening, self._failed)
        if self._error is not None:
            raise self._error

    def _listening(self, port: IListeningPort) -> None:
        self._port = port

    def _failed(self, failure: Failure) -> None:
        self._error = ApiStartError(f"{self._where}: {failure.value}")
        self._log.critical("{error}", error=self._error)

    def stopService(self) -> Deferred[None]:
        """Fires when nothing listens there any more."""
        super().stopService()  # type: ignore[no-untyped-call]
        port, self._port = self._port, None
        return (port and port.stopListening()) or succeed(None)


class _SocketListener(_Listener):
    """Serves the site on the Unix socket `path`, which nobody else may be serving."""

    def __init__(self, path: Path, endpoint: IStreamServerEndpoint, site: ControlSite) -> None:
        super().__init__(str(path), endpoint, site)
        self._path = path

    def startService(self) -> None:
        """Listen, in place of a socket that a killed process left. Raises ApiStartError."""
        clear_socket(self._path)
        super().startService()


def clear_socket(path: Path) -> None:
    """Remove the Unix socket `path` if nobody listens on it; else, or if it is no socket, raises ApiStartError."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ApiStartError(f"{path}: in the way of the control socket, and no socket; move it away")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            probe.connect(os.fspath(path))
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return
    except OSError as error:
        raise ApiStartError(f"{path}: {error.strerror or error}") from None
    raise ApiStartError(f"{path}: another process runs on this state folder; stop it, or use another state folder")
