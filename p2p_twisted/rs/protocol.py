"""The RS's side of the wire: each of the four messages becomes one call of the registry, its outcome an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ..net.caller import Caller
from ..net.server import OS_NAME, FastAnswer, RequestConnection, RequestFactory
from ..registry.store import Registry, StoreError
from ..wire.encode import encode_response
from ..wire.errors import BadRequest, Forbidden
from ..wire.messages import KeepAlive, Leave, PQuery, Register, Request, Response, Version
from .fast_path import KEEP_ALIVE
from .store_alarm import Trouble
from .trust import TrustedNetworks

MOST_CONNECTIONS = 10_000
MOST_OF_ONE_HOST = 2_000
MAX_PAGE = 1_000
"""Most lines of a part of the peer list; only the whole list, which all who ask share, is longer."""

Answer = tuple[bytes, Mapping[str, Any]]
"""The body of an answer that grants, and the headers that 1.1 adds to it."""


class RSConnection(RequestConnection):
    """A connection to the RS."""

    factory: RSFactory

    def fast_path(self, data: bytes, at: int) -> FastAnswer | None:
        """Grant a KeepAlive that has come whole; one that is to be refused is left to the parser."""
        match = KEEP_ALIVE.match(data, at)
        if match is None:
            return None
        minor, cookie, port = match.groups()
        try:
            self.factory.registry.keep_alive(int(cookie), int(port))
        except (Forbidden, StoreError):
            return None
        version = Version.V10 if minor == b"0" else Version.V11
        return FastAnswer(match.end(), _renewal(self.here, version, self.factory.registry.ttl), version)

    def answer(self, request: Request, caller: Caller) -> Deferred[None] | None:
        """Serve the four messages of the RS; those of peers are BadRequest."""
        ask = _VERBS.get(type(request.message))
        if ask is None:
            raise BadRequest("this is the RS: it serves Register, Leave, KeepAlive and PQuery; files are with peers")
        try:
            body, headers = ask(self, request.message, request, caller)
        except StoreError as error:
            self.factory.trouble.failed(error)
            raise BadRequest("the RS cannot write down anything now; try again later") from None
        if isinstance(request.message, Register | Leave):  # these are on disk by now
            self.factory.trouble.worked()
        return self.send(body, **headers)

    def _register(self, message: Register, request: Request, caller: Caller) -> Answer:
        factory = self.factory
        peer = caller.address[0]
        host = factory.trusted.host_of(peer, request.host)
        limit = None if peer in factory.trusted else factory.most_records
        record = factory.registry.register(host, message.port, message.cookie, request.version is Version.V11, limit)
        return b"cookie:%d\n" % record.cookie, {}

    def _leave(self, message: Leave, request: Request, caller: Caller) -> Answer:
        self.factory.registry.leave(message.cookie, message.port)
        return b"you have been unregistered from the RS server!\n", {}

    def _keep_alive(self, message: KeepAlive, request: Request, caller: Caller) -> Answer:
        self.factory.registry.keep_alive(message.cookie, message.port)
        return _renewed(self.factory.registry.ttl), {}

    def _query(self, message: PQuery, request: Request, caller: Caller) -> Answer:
        factory = self.factory
        factory.registry.query(message.cookie, message.port)
        if message.limit is None and message.after is None:
            return factory.everybody(), {}
        page, more = factory.registry.active(min(message.limit or MAX_PAGE, MAX_PAGE), message.after)
        return _lines(page), {"more": more}


_VERBS: dict[type, Callable[[RSConnection, Any, Request, Caller], Answer]] = {
    Register: RSConnection._register,
    Leave: RSConnection._leave,
    KeepAlive: RSConnection._keep_alive,
    PQuery: RSConnection._query,
}


def _renewed(ttl: int) -> bytes:
    return b"you have been renewed! TTL is %d seconds\n" % ttl


@lru_cache(maxsize=64)
def _renewal(here: str, version: Version, ttl: int) -> bytes:
    """Return the whole answer that grants a KeepAlive of that version which came to the address `here`."""
    body = _renewed(ttl)
    return encode_response(Response(200, version, here, OS_NAME, length=len(body))) + body


def _lines(page: list[tuple[str, int]]) -> bytes:
    return "".join([f"{host} {port}\n" for host, port in page]).encode("ascii")


class RSFactory(RequestFactory):
    """Makes the RS's connections. `registry` is started by whoever made it."""

    protocol = RSConnection  # type: ignore[assignment]

    def __init__(self, clock: IReactorTime, registry: Registry, trusted: TrustedNetworks, most_records: int) -> None:
        """`most_records`: most peers of one host that is not trusted."""
        super().__init__(clock, MOST_CONNECTIONS, MOST_OF_ONE_HOST)
        self.registry = registry
        self.trusted = trusted
        self.most_records = most_records
        self.trouble = Trouble(clock)
        self._list = b""
        self._list_of: int | None = None

    def everybody(self) -> bytes:
        """The whole peer list as PQuery answers it, made anew only when it is another one."""
        generation = self.registry.generation()
        if self._list_of != generation:
            self._list, self._list_of = _lines(self.registry.active()[0]), generation
        return self._list
