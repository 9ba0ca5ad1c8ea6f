"""A client's connection under TLS: made when both ends have verified each other, as far as its own side can know.

In TLS 1.3 a server verifies the client last. One that refuses it says so in answer to the first request, which then
fails with the reason; that request has gone to a server that was verified.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from .client import ClientConnection
from .errors import LOST, Unreachable
from .secured import HANDSHAKE_TIMEOUT
from .tls import refusal_of

_REMEDIES = {
    "its certificate is from another CA": "--tls must name a folder that 'p2p pki issue' made with the CA of the swarm",
    "its certificate has expired": "its owner needs another: 'p2p pki issue --renew'",
    "its certificate is self-signed": "its owner needs one of the swarm's CA: 'p2p pki issue'",
    "it does not speak TLS": "leave out --tls, or start it with --tls",
}


@implementer(IHandshakeListener)
class SecureConnection(ClientConnection):
    """A ClientConnection under TLS, made by `connect.dial`."""

    unanswered = LOST
    secured: Deferred[None]
    """Fires when the handshake is done, and fails with Unreachable."""

    def connectionMade(self) -> None:
        """Wait for the handshake."""
        super().connectionMade()
        late = Unreachable(f"TLS: no handshake within {HANDSHAKE_TIMEOUT} s")
        self._late = self._clock.callLater(HANDSHAKE_TIMEOUT, self._fail, late)
        self.secured = Deferred(lambda _: self.close())

    def handshakeCompleted(self) -> None:
        """Take requests from now on: the server is verified."""
        self._late.cancel()
        if not self.secured.called:
            self.secured.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail the handshake, or all requests, with the reason that either end had to refuse the other."""
        if self._late.active():
            self._late.cancel()
        refusal = refusal_of(self.transport, reason)
        if self._lost is None and refusal is not None:
            self._fail(Unreachable(f"TLS: {refusal}{_remedy(refusal)}"))
        super().connectionLost(reason)
        if not self.secured.called:
            self.secured.errback(self._lost or Unreachable(LOST))


def _remedy(refusal: str) -> str:
    return f"; {_REMEDIES[refusal]}" if refusal in _REMEDIES else ""
