"""Mutual TLS among the members of a swarm: each end of each connection verifies the certificate of the other.

All is decided inside the handshake, by OpenSSL and `_Peer.accepts`: chain, dates, list of the revoked, name, and for
a client the host that it dialled. No session is ever resumed, so that each connection is decided anew.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509Store, X509StoreFlags
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from . import certificates
from .credentials import Credentials, read_credentials
from .factory import RequestFactory
from .tls_transport import TlsFactory, TlsTransport

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; all those of TLS 1.3 will do."""
_REFUSALS = {
    3: "its CA has no valid list of the revoked here",
    7: "its certificate is from another CA",
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    12: "the list of the revoked has expired",
    18: "its certificate is self-signed",
    19: "its certificate is from another CA",
    20: "its certificate is from another CA",
    21: "its certificate is from another CA",
    23: "its certificate is revoked",
    24: "its certificate is from a member, not from the CA",
    79: "its certificate is from a member, not from the CA",
}
"""Errors of verification (X509_V_ERR in OpenSSL) -> what they mean here."""
_REASONS = {
    "peer did not return a certificate": "it has no certificate",
    "handshake failure": "it has no certificate, or none of the ciphers",
    "protocol version": "it speaks no TLS from 1.2 on",
    "unsupported protocol": "it speaks no TLS from 1.2 on",
    "wrong version number": "it does not speak TLS",
    "http request": "it does not speak TLS",
    "packet length too long": "it does not speak TLS",
    "record layer failure": "it does not speak TLS",
}
"""Errors of the handshake, and alerts of the other end -> what they mean here."""


class Peer:
    """The other end of one connection, and why it was refused, if it was."""

    def __init__(self, protocol: TLSMemoryBIOProtocol, host: str | None) -> None:
        """`host` is what was dialled, None for a client."""
        self.name: str | None = None
        self.hosts: frozenset[str] = frozenset()
        self._serial: int | None = None
        self.refusal: str | None = None
        self._protocol = protocol
        self._host = host

    def accepts(self, certificate: x509.Certificate) -> bool:
        """Return whether this is the `certificate` of a member, and has the host that was dialled."""
        try:
            self.name, self.hosts = certificates.name_of(certificate), certificates.hosts_of(certificate)
        except ValueError as error:
            self.refusal = f"the name in its certificate {error}"
            return False
        self._serial = certificate.serial_number
        if self._host is not None and self._host not in self.hosts:
            self.refusal = f"its certificate is that of {self.name} and not for the host {self._host}"
            return False
        return True

    def counts(self, credentials: Credentials) -> bool:
        """Return whether its certificate was verified, and is not revoked by `credentials`, of the same CA."""
        return self._serial is not None and self._serial not in credentials.revoked

    def abort(self) -> bool:
        """End the connection; return False if it has ended already."""
        connected = bool(self._protocol.connected)
        if connected:
            self._protocol.abortConnection()
        return connected


class Connection(SSL.Connection):
    """The TLS state of a connection, and its `peer`."""

    def __init__(self, context: SSL.Context, peer: Peer) -> None:
        super().__init__(context, None)
        self.peer = peer


@implementer(IOpenSSLServerConnectionCreator)
class Tls:
    """The TLS of a process: the present reading of its folder, and the connections that were made with it."""

    def __init__(self, folder: Path) -> None:
        """Read the folder. Raises PkiError."""
        self.folder = folder
        self._connections: WeakSet[Peer] = WeakSet()
        self._use(read_credentials(folder))

    def _use(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self._context = _context(credentials)
        self.one_sided_context = _one_sided_context(credentials)

    def reload(self) -> int:
        """Read the folder again for new connections, and end those that count no longer; return how many.

        Raises PkiError, and changes nothing then.
        """
        old, new = self.credentials, read_credentials(self.folder)
        new.check_replaces(old)
        self._use(new)
        out = [peer for peer in self._connections if new.ca != old.ca or not peer.counts(new)]
        return sum(peer.abort() for peer in out)

    def serve(self, factory: RequestFactory) -> TlsFactory:
        """Put TLS under the connections of `factory`; return the factory to listen with."""
        factory.tls = self
        return TlsFactory(self, False, factory)

    def under_site(self, site: IProtocolFactory) -> Callable[[IProtocol], TlsTransport]:
        """Return a function that puts TLS under a connection of `site` to a browser, which shows no certificate."""
        return partial(TlsTransport, TlsFactory(_Browsers(self), False, site))

    def client_factory(self, factory: IProtocolFactory, host: str, clock: IReactorTime) -> TlsFactory:
        """Return a factory that makes the client's connection of `factory` under TLS to `host`, in its one spelling."""
        return TlsFactory(_Client(self, host), True, factory, clock)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> Connection:
        """Return the TLS state of a new connection of a server."""
        return self.connection(protocol, None)

    def connection(self, protocol: TLSMemoryBIOProtocol, host: str | None) -> Connection:
        """Return the TLS state of a new connection; `host` is what was dialled, None for a server."""
        made = Connection(self._context, Peer(protocol, host))
        self._connections.add(made.peer)
        return made


@implementer(IOpenSSLServerConnectionCreator)
class _Browsers:
    """Makes the TLS state of connections of browsers."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return the TLS state of a new connection."""
        return SSL.Connection(self._tls.one_sided_context, None)


@implementer(IOpenSSLClientConnectionCreator)
class _Client:
    """Makes the TLS state of connections to one host."""

    def __init__(self, tls: Tls, host: str) -> None:
        self._tls = tls
        self._host = host

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> Connection:
        """Return the TLS state of a new connection."""
        return self._tls.connection(protocol, self._host)


def peer_of(transport: Any) -> Peer:
    """Return the other end of the TLS connection `transport`."""
    peer: Peer = transport.getHandle().peer
    return peer


def refusal_of(transport: Any, reason: Failure) -> str | None:
    """Return why a connection that was lost for `reason` was refused, by either end; None if it was not.

    One line, of the other end: "it ...".
    """
    if (refusal := peer_of(transport).refusal) is not None:
        return refusal
    return reason_text(reason.value) if isinstance(reason.value, SSL.Error) else None


def reason_text(error: SSL.Error) -> str:
    """Return what an `error` of OpenSSL means, on one line, of the other end."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    text = str(queue[-1][2]) if queue else "TLS failed"
    _, alert, what = text.partition(" alert ")
    if alert and ("certificate" in what or "ca" in what.split()):
        return f"it refused this certificate: {what.removeprefix('certificate ')}"
    return _REASONS.get(what or text, text)


def _context(credentials: Credentials) -> SSL.Context:
    """Return a context in which both ends show certificates."""
    context = _one_sided_context(credentials)
    store = context.get_cert_store()
    assert isinstance(store, X509Store)
    store.add_cert(X509.from_cryptography(credentials.ca))
    store.add_crl(credentials.crl)
    store.set_flags(X509StoreFlags.CRL_CHECK | X509StoreFlags.X509_STRICT)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _verified)
    return context


def _one_sided_context(credentials: Credentials) -> SSL.Context:
    """Return a context in which the client needs no certificate."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(CIPHERS)
    context.use_certificate(credentials.certificate)
    context.use_privatekey(credentials.key)
    return context


def _verified(connection: SSL.Connection, certificate: X509, error: int, depth: int, ok: int) -> bool:
    """Return whether the handshake may go on; called by OpenSSL for each certificate of the chain, the CA first."""
    assert isinstance(connection, Connection)
    peer = connection.peer
    if not ok:
        peer.refusal = _REFUSALS.get(error, f"its certificate is not valid (error {error} of OpenSSL)")
        return False
    return depth > 0 or peer.accepts(certificate.to_cryptography())
