"""The addresses of the control API: always a Unix socket in the state folder, and optionally a Twisted endpoint.

So a client on the same machine finds it by the state folder alone, and nothing is on TCP unless it is asked for.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.endpoints import quoteStringArgument
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.logger import Logger

from ..config.startup import PortService, StartError, listen
from .api.schema import WebLink
from .control_client import SOCKET_FILE
from .http.access import Access
from .http.calls import ApiRoot, Call, Endpoint, Reply
from .http.key import load_or_create_key
from .http.site import ControlSite
from .pages.login import login

if TYPE_CHECKING:
    from ..net.tls import Tls

MAX_SOCKET_PATH = 107
"""Longest path of a Unix socket, in bytes."""


class ApiStartError(StartError):
    """The socket in the state folder cannot be used: one line with its path and the remedy."""


def makeApiService(
    reactor: IReactorTime,
    web: str | None,
    state_dir: Path,
    root: ApiRoot,
    at: Callable[[Any, str, str], object] | None = None,
    tls: Tls | None = None,
) -> MultiService:
    """Serve `root` on the Unix socket in `state_dir` and, if given, at the endpoint `web`; listens when this returns.

    `at`, if given, is called with where `web` listens (an IAddress), the key, and ``http`` or ``https``. With `tls`,
    `web` shows its certificate where it does not listen on loopback.

    Makes the key in `state_dir` (which must exist) if there is none. Raises OSError when it cannot; StartError when the
    socket belongs to a running peer or RS, its path is too long, or `web` is taken; SettingsError for no endpoint.
    """
    path = state_dir / SOCKET_FILE
    clear_socket(path)
    access = Access(load_or_create_key(state_dir))
    service = ApiService(reactor, root, access, tls)
    if web is not None:
        service.listen_on_web(web)
        if at is not None:
            at(service.address, access.key, service.scheme)
    # without Twisted's file for the number of the process that listens: the number may be another's by now
    description = f"unix:{quoteStringArgument(os.fspath(path))}:mode=600:lockfile=0"
    # with connections of its own: who fills those of `web` must not shut out the owner
    _add(service, PortService(listen(reactor, "control socket", description, ControlSite(root, access, reactor))))
    return service


class ApiService(MultiService):
    """The ports of the control API and the pages, with ``/login`` and the call ``web``, which gives a link to it."""

    _log = Logger()

    def __init__(self, reactor: IReactorTime, root: ApiRoot, access: Access, tls: Tls | None = None) -> None:
        super().__init__()
        self._tls = tls
        self._reactor = reactor
        self._root = root
        self._access = access
        self._port: IListeningPort | None = None
        self.scheme = "http"
        root.putChild(b"login", login(access))
        root.add("web", Endpoint({b"POST": self._link}))

    @property
    def address(self) -> Any:
        """Where the pages are: an IAddress."""
        return None if self._port is None else self._port.getHost()

    def listen_on_web(self, web: str) -> None:
        """Serve the pages at the endpoint `web`. Raises StartError and SettingsError."""
        site = ControlSite(self._root, self._access, self._reactor)
        self._port = listen(self._reactor, "--web", web, site)
        host = getattr(self.address, "host", "")
        site.is_open = not host or ip_address(host.partition("%")[0]).is_loopback
        if web.startswith("ssl:"):
            self.scheme = "https"
        elif not site.is_open and self._tls is not None:
            self.scheme, site.under_tls = "https", self._tls.under_site(site)
        elif not site.is_open:
            self._log.warn(
                "--web {web} is open to the network without TLS: others may read the key on its way; "
                "with --tls it has the certificate in that folder",
                web=web,
            )
        _add(self, PortService(self._port))

    def _link(self, call: Call) -> Reply:
        """Answer with a link to the pages that can be used once. Opens a free port on loopback if there is none."""
        call.query()
        if self._port is None:
            self.listen_on_web("tcp:0:interface=127.0.0.1")
        host, port = self.address.host, self.address.port
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        where = f"[{host}]" if ":" in host else host
        return Reply(WebLink(f"{self.scheme}://{where}:{port}/login?once={self._access.new_link()}"))


def _add(service: MultiService, port: PortService) -> None:
    port.setServiceParent(service)


def check_socket_path(path: Path) -> None:
    """Raise ApiStartError if `path` is too long for a Unix socket."""
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise ApiStartError(f"{path}: a socket's path has at most {MAX_SOCKET_PATH} bytes; use a shorter state folder")


def clear_socket(path: Path) -> None:
    """Remove the Unix socket `path` if it is there and nobody listens on it. Raises ApiStartError if it is in use."""
    check_socket_path(path)
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
