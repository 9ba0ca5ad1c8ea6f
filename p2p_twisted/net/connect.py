"""Making a connection to the server of a peer, or to the RS."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv6Address

from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IReactorTCP, IReactorThreads, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory

from ..wire.address import Address, clean_host, parse_address
from ..wire.limits import MAX_INDEX
from ..wire.messages import GetIndex, Version
from .client import ClientConnection
from .errors import FetchError, SourceError, Unreachable
from .throttle import Throttle

CONNECT_TIMEOUT = 5
"""Seconds in which a connection must be made."""


class Reactor(IReactorTCP, IReactorTime, IReactorThreads):
    """What a peer needs of a reactor."""


def endpoint(reactor: Reactor, address: Address) -> IStreamClientEndpoint:
    """A client endpoint for `address`, whose host is an IP address or a name. Raises ValueError if it is neither."""
    host, port = address
    if clean_host(host) is None:
        raise ValueError("not an IP address or host name")
    match parse_address(host):
        case IPv4Address() as ip:
            return TCP4ClientEndpoint(reactor, str(ip), port, CONNECT_TIMEOUT)
        case IPv6Address() as ip:
            return TCP6ClientEndpoint(reactor, str(ip), port, CONNECT_TIMEOUT)
    return HostnameEndpoint(reactor, host, port, CONNECT_TIMEOUT)


class _Once(Factory):
    """Gives out the one protocol that it was made for."""

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
) -> ClientConnection:
    """A connection to the server at `address`. Raises Unreachable. The rest: see ClientConnection."""
    try:
        connection = ClientConnection(reactor, host, version, downlink)
        await endpoint(reactor, address).connect(_Once(connection))
        return connection
    except error.ConnectingCancelledError:
        raise CancelledError from None
    except (error.ConnectError, error.DNSLookupError, OSError, ValueError) as e:
        raise Unreachable(_reason(e)) from e


async def dial_1_1(reactor: Reactor, address: Address, version: Version | None, downlink: Throttle) -> ClientConnection:
    """Make a connection on which 1.1 may be spoken; `version` is the server's, None if it is to be found out.

    Raises SourceError, also for a server of 1.0.
    """
    connection = await dial(reactor, address, None, version, downlink)
    try:
        if connection.version is None:
            await connection.collect(GetIndex(), MAX_INDEX)
        if connection.version is Version.V10:
            raise SourceError("it speaks 1.0, which has no pieces")
    except FetchError:
        connection.close()
        raise
    return connection


def _reason(why: Exception) -> str:
    """Why there is no connection, on one line that does not name the address: whoever reports it does."""
    if isinstance(why, error.TimeoutError):
        return f"no connection within {CONNECT_TIMEOUT} s"
    if isinstance(why, error.DNSLookupError):
        return "no address is known for this host name"
    if isinstance(why, error.ConnectError) and isinstance(why.osError, int):
        return os.strerror(why.osError)
    return str(why).rstrip(".") or type(why).__name__
