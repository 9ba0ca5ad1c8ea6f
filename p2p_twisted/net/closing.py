"""The half-close of a server's connection, over plain TCP and under TLS."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import ISSLTransport, ITCPTransport

from .producers import BodySender


def half_close(transport: ITCPTransport, flushed: Callable[[], None]) -> None:
    """Close this side of `transport`, or only wait until everything is sent where it cannot, and call `flushed`.

    A TLS connection has no sides to close one by one: `loseWriteConnection` would reach the TCP connection beneath and
    end it without a close_notify, which the client must take for an attack.
    """
    if hasattr(transport, "loseWriteConnection") and not ISSLTransport.providedBy(transport):
        transport.loseWriteConnection()  # calls the protocol's writeConnectionLost
    else:
        BodySender(transport, (), lambda: None).start().addCallback(lambda _: flushed())
