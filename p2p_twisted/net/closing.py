"""The ways to close a server's connection, over plain TCP and under TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import ISSLTransport

from .connection_state import Action, Event
from .producers import BodySender

if TYPE_CHECKING:
    from .server import RequestConnection


def carry_out(action: Action, connection: RequestConnection) -> None:
    """Close `connection` as `action` says."""
    if action is Action.HALF_CLOSE:
        _half_close(connection)
    elif action is Action.CLOSE:
        connection.transport.loseConnection()
    elif action is Action.ABORT:
        connection.transport.abortConnection()
    else:
        connection.factory.dismiss(connection)


def _half_close(connection: RequestConnection) -> None:
    """Close this side of `connection`, or only wait until everything is sent where its transport cannot.

    A TLS connection has no sides to close one by one: `loseWriteConnection` would reach the TCP connection beneath and
    end it without a close_notify, which the client must take for an attack.
    """
    transport = connection.transport
    if hasattr(transport, "loseWriteConnection") and not ISSLTransport.providedBy(transport):
        transport.loseWriteConnection()
    else:
        flushed = BodySender(transport, b"", lambda: None).start()
        flushed.addCallback(lambda _: connection.handle(Event.FLUSHED))
