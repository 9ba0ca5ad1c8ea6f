"""The RS's side of the wire: each of the four messages becomes one call of the registry, and its result an answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from ..events.rs import PeerLeft, PeerRegistered
from ..net import OS_NAME
from ..net.caller import Caller
from ..net.connection_state import Event
from ..net.coroutines import begin
from ..net.server import FastAnswer, RequestConnection
from ..registry import rules
from ..registry.store import StoreError
from ..wire.encode import encode_response
from ..wire.errors import BadRequest, Forbidden
from ..wire.fields import clean_host
from ..wire.messages import NO_COOKIE, KeepAlive, Leave, PQuery, Register, Request, Response, Version
from ..wire.whole import read_whole
from .peer_list import lines

if TYPE_CHECKING:
    from .factory import RSFactory

MAX_PAGE = 1_000
"""Most lines of a part of the peer list. Only the whole list of 1.0 is longer."""

KEEP_ALIVE = re.compile(
    rb"KeepAlive NULL P2P(?:_DI_|-DI_|-DI/)1\.([01])\r?\n"
    rb"Host:? [\x21-\x7e]{1,255}\r?\n"
    rb"OS:? [\x21-\x7e](?:[\x20-\x7e]{0,254})\r?\n"
    rb"\r?\n"
    rb"cookie:(0|[1-9][0-9]{0,18})\r?\n"
    rb"port:([1-9][0-9]{0,4})\r?\n"
)
"""A KeepAlive as clients write it, whole; the groups are the minor version, the cookie and the port.

Almost all requests to an RS are of this form, and read line by line each takes four times as long. The parser reads
everything that matches as the same message, and gets everything that does not match."""

Answer = tuple[bytes, Mapping[str, Any]]
"""The body of an answer that grants the request, and the headers that 1.1 adds to it."""


class RSConnection(RequestConnection):
    """A connection to the RS."""

    factory: RSFactory
    rate_key: str | None = None
    """The key under which its requests are counted; None: they are not."""

    def fast_path(self, data: bytes, at: int) -> FastAnswer | None:
        """Grant a whole KeepAlive of an active peer; leave all others to the parser, where they count once more."""
        match = KEEP_ALIVE.match(data, at)
        if match is None:
            return None
        key = self.rate_key
        if key is not None and self.factory.rates.take(key, self.factory.clock.seconds()):
            return None
        minor, cookie, port = match.groups()
        registry = self.factory.registry
        if not registry.renew(int(cookie), int(port), self.caller.address[0]):
            return None
        answer, version = _keep_alive_answer(self.here, minor, registry.clocks.ttl)
        return match.end(), answer, version

    def take_whole(self, data: bytes, at: int) -> int:
        """Take a request of the usual form; leave all others to the parser."""
        whole = read_whole(data, at)
        if whole is None:
            return at
        at, request = whole
        self.handle(Event.DATA)
        self._take(request, Event.REQUEST if request.version is Version.V11 else Event.LAST_REQUEST)
        return at

    def answer(self, request: Request, caller: Caller) -> Deferred[None] | None:
        """Answer one of the four messages of an RS. Raises, or fails with, BadRequest for those of peers."""
        answer = self._answer(request, caller)
        return begin(self.factory.requests.counted(type(request.message).__name__, answer))

    async def _answer(self, request: Request, caller: Caller) -> None:
        if self.rate_key is not None:
            self.factory.count_request(self, self.rate_key)
        message: Any = request.message
        handler = _HANDLERS.get(type(message))
        if handler is None:
            raise BadRequest("this is the RS: it serves Register, Leave, KeepAlive and PQuery; files are with peers")
        if message.cookie == NO_COOKIE:
            raise Forbidden("-1 is nobody's cookie: register with an empty one")
        alarm = self.factory.alarm
        try:
            body, headers = await handler(self, message, request, caller)
        except rules.HostFull:
            self.factory.limit_hits["registrations"] += 1
            raise
        except rules.WrongCookie as error:
            warning = await self.factory.wrong_cookie(self, message)
            raise Forbidden(error.reason + warning) from None
        except StoreError as error:
            alarm.failed(error)
            raise BadRequest("the RS cannot write down anything now; try again later") from None
        if alarm.failures and isinstance(message, Register | Leave):  # these are on disk by now
            alarm.worked()
        sending = self.send(body, **headers)
        if sending is not None:
            await sending

    def _origin(self, request: Request) -> rules.Origin:
        """Return the hosts that the caller may speak for: the one that is recorded for it, then its own address."""
        peer, _ = self.caller.address
        return self.factory.trusted.host_of(peer, request.host), clean_host(peer) or peer

    async def _register(self, message: Register, request: Request, caller: Caller) -> Answer:
        factory, (host, peer) = self.factory, self._origin(request)
        if not caller.may_announce(host):
            raise Forbidden(f"the certificate of {caller.name} is not for the host {host}; have one issued that is")
        limit = None if peer in factory.trusted else factory.host_limits.max_peers_per_host
        wide = request.version is Version.V11
        record = await factory.registry.apply(rules.register(host, message.port, message.cookie, wide, limit))
        factory.events.publish(PeerRegistered(record.address, caller.address))
        return b"cookie:%d\n" % record.cookie, {}

    async def _leave(self, message: Leave, request: Request, caller: Caller) -> Answer:
        record = await self.factory.registry.apply(rules.leave(message.cookie, message.port, self._origin(request)))
        self.factory.events.publish(PeerLeft(record.address, caller.address))
        return b"you have been unregistered from the RS server!\n", {}

    async def _keep_alive(self, message: KeepAlive, request: Request, caller: Caller) -> Answer:
        registry, origin = self.factory.registry, self._origin(request)
        if not registry.renew(message.cookie, message.port, origin[0]):
            await registry.apply(rules.keep_alive(message.cookie, message.port, origin))
        return _renewed(registry.clocks.ttl), {}

    async def _query(self, message: PQuery, request: Request, caller: Caller) -> Answer:
        registry, origin = self.factory.registry, self._origin(request)
        if not registry.renew(message.cookie, message.port, origin[0]):
            await registry.apply(rules.query(message.cookie, message.port, origin))
        if request.version is Version.V10:
            return await self.factory.whole_list.body(), {}
        if message.sample is None and (message.limit is not None or message.after is not None):
            page, more = await registry.active(min(message.limit or MAX_PAGE, MAX_PAGE), message.after)
        else:
            page, more = await registry.sample(min(message.sample or self.factory.host_limits.peer_list, MAX_PAGE))
        return lines(page), {"more": more}


_HANDLERS: dict[type, Callable[[RSConnection, Any, Request, Caller], Awaitable[Answer]]] = {
    Register: RSConnection._register,
    Leave: RSConnection._leave,
    KeepAlive: RSConnection._keep_alive,
    PQuery: RSConnection._query,
}


def _renewed(ttl: int) -> bytes:
    return b"you have been renewed! TTL is %d seconds\n" % ttl


@lru_cache(maxsize=64)
def _keep_alive_answer(here: str, minor: bytes, ttl: int) -> tuple[bytes, Version]:
    """Return the whole answer that grants a KeepAlive of 1.`minor` that came to the address `here`; and its version."""
    body, version = _renewed(ttl), Version.V10 if minor == b"0" else Version.V11
    return encode_response(Response(200, version, here, OS_NAME, length=len(body))) + body, version
