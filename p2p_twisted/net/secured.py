"""TLS as the rest of the program sees it, without its libraries: they are imported only where ``--tls`` is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from ..config.extras import TLS, missing
from ..config.startup import StartError
from ..config.twistd_verb import act_at_hangup
from .caller import Caller
from .factory import RequestFactory
from .trace import trace_requests

if TYPE_CHECKING:
    from .tls import Tls

HANDSHAKE_TIMEOUT = 6
"""Seconds in which the TLS handshake of a connection must be done."""
WARNING_INTERVAL = 24 * 3600
"""Seconds between two warnings that a certificate ends soon."""


def open_tls(folder: Path | None) -> Tls | None:
    """Return the TLS of ``--tls``, None where it is not given. Raises StartError."""
    if folder is None:
        return None
    if line := missing(TLS):
        raise StartError(line)
    from .pki import PkiError
    from .tls import Tls

    try:
        return Tls(folder)
    except PkiError as error:
        raise StartError(f"--tls: {error}") from None


def reread_at_hangup(reactor: Any, tls: Tls, then: Callable[[], object] = lambda: None) -> None:
    """Read the folder of `tls` again at each SIGHUP, with one line in the log; call `then` afterwards."""
    log = Logger()

    def reread() -> None:
        from .pki import PkiError

        try:
            ended = tls.reload()
        except PkiError as error:
            log.error("certificates not read again, the old ones stay: {error}", error=error)
        else:
            log.info("read {folder} again; {ended} connections ended", folder=str(tls.folder), ended=ended)
        then()

    act_at_hangup(reactor, reread)


def warn_of_the_end(reactor: Any, tls: Tls) -> None:
    """Log each day, once `reactor` runs, what has to be renewed in the folder of `tls`."""
    from .certificates import now

    log = Logger()

    def look() -> None:
        if (warning := tls.credentials.warning(now())) is not None:
            log.warn("{folder}: {warning}", folder=str(tls.folder), warning=warning)

    daily = LoopingCall(look)
    daily.clock = reactor
    reactor.callWhenRunning(daily.start, WARNING_INTERVAL)


class SecuredConnection(LineReceiver):
    """The part of a server's connection that knows the client."""

    log = Logger()
    transport: ITCPTransport
    factory: RequestFactory
    caller: Caller
    here = ""
    """The address at which the client reached this server."""

    _handshake_expires = 0.0
    """When the handshake must be done, 0 without TLS."""

    def connectionMade(self) -> None:
        """Take the addresses of both ends, and the time."""
        if self.factory.tls is not None:
            self._handshake_expires = self.factory.clock.seconds() + HANDSHAKE_TIMEOUT
        self.transport.setTcpNoDelay(True)
        self.here = self.transport.getHost().host
        peer = self.transport.getPeer()
        self.caller = Caller((peer.host, peer.port))
        trace_requests(self)

    def handshakeCompleted(self) -> None:
        """Take the name and the hosts of the client, whose certificate is verified; its first request may come."""
        from .tls import peer_of

        peer = peer_of(self.transport)
        self.caller = Caller(self.caller.address, peer.name, peer.hosts)

    def log_refusal(self, reason: Failure) -> None:
        """Log why the connection was lost for `reason`, if there was no handshake."""
        from .tls import refusal_of

        late = self.factory.clock.seconds() >= self._handshake_expires
        why = f"no handshake within {HANDSHAKE_TIMEOUT} s" if late else refusal_of(self.transport, reason)
        if why is not None:
            host, port = self.caller.address
            self.factory.log_unsecured(f"{host}:{port}: {why}")
