"""Start-up steps of both twistd verbs before the reactor runs: raise limits and listen, or exit with one line.

All of them run in ``makeService``. An error in ``startService`` would come too late: twistd would log a traceback, and
the process may be a daemon by then, without a terminal.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from .platform import optional_module
from .settings import SettingsError

resource = optional_module("resource")

BACKLOG = 1024
"""Connections that the kernel queues until they are accepted; Twisted's 50 are too few for a burst of clients."""


class StartError(Exception):
    """The process cannot start. The message is one line with the cause and the remedy."""


def allow_many_connections() -> None:
    """Raise the soft limit of open files to the hard one: the usual 1024 is too low for the connections of a server."""
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            except (OSError, ValueError):
                pass  # some systems report a hard limit that they do not grant


def listen(reactor: Any, flag: str, description: str, factory: IProtocolFactory) -> IListeningPort:
    """Listen at once at the endpoint `description`, the value of `flag`.

    Raises SettingsError if it does not describe a server endpoint, and StartError if the port is in use or cannot be
    opened for another reason.
    """
    try:
        endpoint = serverFromString(reactor, _with_backlog(description))
    except Exception as error:  # an endpoint parser may raise anything; so may one from a plugin
        if description.startswith("systemd:") and isinstance(error, IndexError | KeyError):
            raise StartError(f"{flag} {description}: systemd passed no such socket; start its socket unit") from None
        raise SettingsError(
            f"{flag} must be a Twisted endpoint such as tcp:65423, not {description!r} ({error})"
        ) from None
    _check_domain(flag, description, endpoint)
    results: list[Any] = []
    maybeDeferred(endpoint.listen, factory).addBoth(results.append)
    match results:
        case [Failure() as failure]:
            raise StartError(
                f"{flag} {description}: {_why(failure)}; choose another port, or stop the process that uses it"
            ) from None
        case [port]:
            listening: IListeningPort = port
            return listening
    raise StartError(f"{flag} {description}: this kind of endpoint cannot be used; use tcp:PORT")


def _check_domain(flag: str, description: str, endpoint: Any) -> None:
    """Raise SettingsError for a socket from systemd whose domain is not the one in `description`.

    The addresses of its clients would be wrong.
    """
    if isinstance(endpoint, AdoptedStreamServerEndpoint):
        with suppress(OSError), socket.socket(fileno=os.dup(endpoint.fileno)) as passed:
            if passed.family != endpoint.addressFamily:
                domain = passed.family.name.removeprefix("AF_")
                raise SettingsError(f"{flag} {description}: the socket from systemd has the domain {domain}")


def listen_tcp(reactor: Any, flag: str, description: str, factory: IProtocolFactory) -> IListeningPort:
    """Listen as `listen` does, but raise SettingsError for an endpoint that is not on TCP."""
    port = listen(reactor, flag, description, factory)
    if isinstance(port.getHost(), IPv4Address | IPv6Address):
        return port
    port.stopListening()
    raise SettingsError(f"{flag} must be an endpoint on TCP such as tcp:65423, not {description!r}")


def _with_backlog(description: str) -> str:
    kind = description.partition(":")[0]
    return (
        f"{description}:backlog={BACKLOG}" if kind in ("tcp", "tcp6") and "backlog=" not in description else description
    )


def _why(failure: Failure) -> str:
    error = failure.value
    cause = error.socketError if isinstance(error, CannotListenError) else error
    return str(getattr(cause, "strerror", None) or cause)


class PortService(Service):
    """A service that owns a listening port, and closes it when it stops."""

    def __init__(self, port: IListeningPort) -> None:
        self.port = port

    def stopService(self) -> Deferred[None] | None:
        """Close the port. The Deferred fires when it is closed."""
        super().stopService()
        return self.port.stopListening()
