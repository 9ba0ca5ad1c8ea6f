"""Connections to the server of a peer, or to the RS: the one place that dials."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from ..wire.address import Address
from ..wire.fields import clean_host, parse_address
from ..wire.messages import Version
from .client import ClientConnection
from .errors import Unreachable
from .resolving import Permits, PermittingReactor
from .throttle import Throttle

if TYPE_CHECKING:
    from .tls import Tls

CONNECT_TIMEOUT = 5
"""Seconds in which a connection must be made."""
NAME_TIMEOUT = 10
"""Seconds for a connection to a host name: for its look-up, and for one after the other of any number of addresses."""


class Reactor(IReactorTCP, IReactorTime, IReactorThreads):
    """The part of a reactor that a peer uses."""


def endpoint(reactor: Reactor, address: Address, permits: Permits | None = None) -> IStreamClientEndpoint:
    """Return an endpoint for `address`. Raises ValueError if its host is neither an IP address nor a host name.

    Of the IP addresses of a host name, only those that `permits` allows are dialled.
    """
    host, port = address
    if clean_host(host) is None:
        raise ValueError("not an IP address or host name")
    match parse_address(host):
        case IPv4Address() as ip:
            return TCP4ClientEndpoint(reactor, str(ip), port, CONNECT_TIMEOUT)
        case IPv6Address() as ip:
            return TCP6ClientEndpoint(reactor, str(ip), port, CONNECT_TIMEOUT)
    return HostnameEndpoint(PermittingReactor(reactor, permits) if permits else reactor, host, port, CONNECT_TIMEOUT)


class _OneConnection(Factory):
    """Returns the one protocol that it was made with."""

    noisy = False

    def __init__(self, protocol: ClientConnection) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> ClientConnection:
        return self._protocol


async def dial(
    reactor: Reactor,
    address: Address,
    host: str | None = None,
    version: Version | None = None,
    downlink: Throttle | None = None,
    tls: Tls | None = None,
    permits: Permits | None = None,
    name: str | None = None,
) -> ClientConnection:
    """Return a connection to the server at `address`, under `tls` if any. Raises Unreachable.

    For addresses that the user has named, such as the RS; those that others have named are dialled by a Dialler. See
    ClientConnection, and `endpoint` for `permits`. `name` is the host for which its certificate must be, if that is not
    the host of `address`.
    """
    try:
        if tls is not None:
            return await _dial_tls(tls, reactor, address, permits, name or address[0], (host, version, downlink))
        connection = ClientConnection(reactor, host, version, downlink)
        await _connect(reactor, address, permits, _OneConnection(connection))
        return connection
    except error.ConnectingCancelledError:
        raise CancelledError from None
    except (error.ConnectError, error.DNSLookupError, OSError, ValueError) as e:
        raise Unreachable(_reason(e)) from e


def _connect(
    reactor: Reactor, address: Address, permits: Permits | None, factory: IProtocolFactory
) -> Deferred[IProtocol]:
    connecting = endpoint(reactor, address, permits).connect(factory)
    if parse_address(address[0]) is None:
        connecting.addTimeout(NAME_TIMEOUT, reactor, _too_late)
    return connecting


def _too_late(_: object, timeout: float) -> Failure:
    return Failure(Unreachable(f"no connection within {timeout} s, the look-up of the host name included"))


async def _dial_tls(
    tls: Tls,
    reactor: Reactor,
    address: Address,
    permits: Permits | None,
    name: str,
    options: tuple[str | None, Version | None, Throttle | None],
) -> ClientConnection:
    from .tls_client import SecureConnection

    connection = SecureConnection(reactor, *options)
    factory = tls.client_factory(_OneConnection(connection), clean_host(name) or "", reactor)
    await _connect(reactor, address, permits, factory)
    await connection.secured
    return connection


def _reason(why: Exception) -> str:
    """Return the reason why there is no connection, on one line and without the address, which the caller reports."""
    if isinstance(why, error.TimeoutError):
        return f"no connection within {CONNECT_TIMEOUT} s"
    if isinstance(why, error.DNSLookupError):
        return "no address is known for this host name"
    if isinstance(why, error.ConnectError) and isinstance(why.osError, int):
        return os.strerror(why.osError)
    return str(why).rstrip(".") or type(why).__name__
