"""The addresses of the control API: always a Unix socket in the state folder, and optionally a Twisted endpoint.

So a client on the same machine finds it by the state folder alone, and nothing is on TCP unless it is asked for.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.endpoints import quoteStringArgument
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from ..config.startup import PortService, StartError, listen
from .control_client import SOCKET_FILE
from .http.key import load_or_create_key
from .http.site import ControlSite

MAX_SOCKET_PATH = 107
"""Longest path of a Unix socket, in bytes."""


class ApiStartError(StartError):
    """The socket in the state folder cannot be used: one line with its path and the remedy."""


def makeApiService(
    reactor: IReactorTime,
    web: str | None,
    state_dir: Path,
    root: IResource,
    at: Callable[[Any, str], object] | None = None,
) -> MultiService:
    """Serve `root` on the Unix socket in `state_dir` and, if given, at the endpoint `web`; listens when this returns.

    `at`, if given, is called with where `web` listens (an IAddress), and the key.

    Makes the key in `state_dir` (which must exist) if there is none. Raises OSError when it cannot; StartError when the
    socket belongs to a running peer or RS, its path is too long, or `web` is taken; SettingsError for no endpoint.
    """
    path = state_dir / SOCKET_FILE
    clear_socket(path)
    key = load_or_create_key(state_dir)
    service = MultiService()
    if web is not None:
        port = listen(reactor, "--web", web, ControlSite(root, key, reactor))
        _add(service, PortService(port))
        if at is not None:
            at(port.getHost(), key)
    # without Twisted's file for the number of the process that listens: the number may be another's by now
    description = f"unix:{quoteStringArgument(os.fspath(path))}:mode=600:lockfile=0"
    # with connections of its own: who fills those of `web` must not shut out the owner
    _add(service, PortService(listen(reactor, "control socket", description, ControlSite(root, key, reactor))))
    return service


def _add(service: MultiService, port: PortService) -> None:
    port.setServiceParent(service)


def clear_socket(path: Path) -> None:
    """Remove the Unix socket `path` if it is there and nobody listens on it. Raises ApiStartError if it is in use."""
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise ApiStartError(f"{path}: a socket's path has at most {MAX_SOCKET_PATH} bytes; use a shorter state folder")
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ApiStartError(f"{path}: this file is in the place of the control socket; move it away")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            probe.connect(os.fspath(path))
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return
    except OSError as error:
        raise ApiStartError(f"{path}: {error.strerror or error}; use another state folder") from None
    raise ApiStartError(f"{path}: another process runs on this state folder; stop it, or use another state folder")
