"""A port on which several processes listen: the sockets that their parent makes for them.

Where the kernel divides connections among sockets with SO_REUSEPORT (Linux), each process gets a socket of its own,
which ends with it. Elsewhere, and where the socket comes from outside (``systemd:``), all of them listen on one.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import Factory

from ..config.startup import BACKLOG, listen_tcp

DIVIDES = sys.platform == "linux"
"""Whether the kernel divides the connections: other systems have SO_REUSEPORT too, and give all to one socket."""
FROM_OUTSIDE = "systemd"
"""The kind of endpoint whose socket somebody else has made."""
ONLY_6 = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


class _Nobody(Factory):
    """Of a port at which the parent accepts no connection."""

    noisy = False


class SharedPort:
    """The port of the endpoint `description`, the value of `flag`.

    Raises SettingsError if that is no endpoint on TCP, and StartError if the port cannot be opened.
    """

    def __init__(self, reactor: Any, flag: str, description: str) -> None:
        port: Any = listen_tcp(reactor, flag, description, _Nobody())
        port.stopReading()
        self._shared: socket.socket = port.socket
        self._family: int = port.addressFamily
        self.address: IPv4Address | IPv6Address = port.getHost()
        """Where the processes listen."""
        self._name = port.socket.getsockname()
        self._divided = DIVIDES and description.partition(":")[0] != FROM_OUTSIDE
        self._first: socket.socket | None = None
        if self._divided:
            self._only_6 = self._family == socket.AF_INET6 and port.socket.getsockopt(*ONLY_6)
            self._shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._first = self._shared.dup()  # to close it would reset who has connected since it listens
            self._shared.close()

    def open(self, listening: bool) -> socket.socket:
        """Return a socket for one more process, which `adopt`s it; close it here once that has it. Raises OSError.

        Unless it is `listening` from now on, it is from when the process adopts it: others take the connections until
        then. One that all share listens anyhow.
        """
        if not self._divided:
            return self._shared.dup()
        if self._first is not None:
            first, self._first = self._first, None
            return first
        made = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            self._bind(made)
            if listening:
                made.listen(BACKLOG)
        except BaseException:
            made.close()
            raise
        return made

    def _bind(self, made: socket.socket) -> None:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self._family == socket.AF_INET6:
            made.setsockopt(*ONLY_6, self._only_6)
        made.bind(self._name)


def adopt(reactor: Any, descriptor: int, factory: IProtocolFactory) -> IListeningPort:
    """Listen on the socket `descriptor`, which the parent has opened; it is closed for all but the port."""
    with socket.socket(fileno=descriptor) as inherited:
        inherited.setblocking(False)
        inherited.listen(BACKLOG)
        port: IListeningPort = reactor.adoptStreamPort(descriptor, inherited.family, factory)
    return port
