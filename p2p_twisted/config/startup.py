"""What both twistd verbs do before the reactor runs: see to their limits and listen, or end with one line.

All of it happens in ``makeService``. An error in ``startService`` would come too late: twistd logs a traceback, and the
process may be a daemon that nobody hears any more.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from .settings import SettingsError

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

BACKLOG = 1024
"""Connections that the kernel keeps until they are accepted; Twisted asks for 50, which a burst of clients overruns."""


class StartError(Exception):
    """The process cannot do its work. One line that names the thing and the remedy."""


def allow_many_connections() -> None:
    """Raise the soft limit of open files to the hard one: the usual 1024 is less than one server's connections."""
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            except (OSError, ValueError):
                pass  # some systems name a hard limit that they do not grant


def listen(reactor: Any, flag: str, description: str, factory: IProtocolFactory) -> IListeningPort:
    """Listen at the endpoint `description`, which was given as `flag`, at once.

    Raises SettingsError when it is not a description of a server endpoint, and StartError when the port is taken or
    cannot be had for another reason.
    """
    try:
        endpoint = serverFromString(reactor, _with_backlog(description))
    except Exception as error:  # an endpoint parser may raise anything; so may one from a plugin
        raise SettingsError(
            f"{flag} must be a Twisted endpoint such as tcp:65423, not {description!r} ({error})"
        ) from None
    results: list[IListeningPort | Failure] = []
    maybeDeferred(endpoint.listen, factory).addBoth(results.append)
    match results:
        case [Failure() as failure]:
            raise StartError(
                f"{flag} {description}: {_why(failure)}; choose another port, or stop the process that uses it"
            ) from None
        case [port]:
            return port  # type: ignore[return-value]
    raise StartError(f"{flag} {description}: this kind of endpoint cannot be used; use tcp:PORT")


def listen_tcp(reactor: Any, flag: str, description: str, factory: IProtocolFactory) -> IListeningPort:
    """As `listen`, for a factory that must know who calls: raises SettingsError for an endpoint that is not on TCP."""
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
    """A port that listens already, as a service: it closes when the service stops."""

    def __init__(self, port: IListeningPort) -> None:
        self.port = port

    def stopService(self) -> Deferred[None] | None:
        """Fires when nothing listens there any more."""
        super().stopService()
        return self.port.stopListening()
