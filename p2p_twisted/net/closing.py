"""How a server closes its connections, over plain TCP and under TLS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport, ITCPTransport
from twisted.python.failure import Failure

from .producers import BodySender
from .writing import can_send

_CLOSED = Failure(ConnectionDone())


def close_now(transport: Any) -> bool:
    """Close plain TCP whose other side is closed, if everything is sent; return whether that was done.

    `loseConnection` does it in the next turn of the reactor, which takes as long as a short answer.
    """
    if not can_send(transport):
        return False
    transport.connectionLost(_CLOSED)
    return True


def half_close(transport: ITCPTransport, flushed: Callable[[], None]) -> None:
    """Close this side of `transport`, or only wait until everything is sent where it cannot, and call `flushed`.

    Under TLS, `loseWriteConnection` would reach the TCP connection beneath and end it without a close_notify, which the
    client must take for an attack. There `loseConnection` is the half-close: it sends the close_notify, and reads on
    until that of the client comes.
    """
    secured = ISSLTransport.providedBy(transport)
    if hasattr(transport, "loseWriteConnection") and not secured:
        transport.loseWriteConnection()  # calls the protocol's writeConnectionLost
        return
    sent = BodySender(transport, (), lambda: None).start()
    if secured:
        sent.addCallback(lambda _: transport.loseConnection())
    sent.addCallback(lambda _: flushed())
