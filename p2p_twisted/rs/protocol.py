"""The RS's side of the wire: each of the four messages becomes one call of the registry, and its result an answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..events.rs import PeerLeft, PeerRegistered
from ..net import OS_NAME
from ..net.caller import Caller
from ..net.coroutines import begin
from ..net.server import LATER, FastAnswer, Later, RequestConnection
from ..registry import rules
from ..registry.record import PeerRecord
from ..registry.store import StoreError
from ..wire.address import address_lines
from ..wire.encode import granting_head
from ..wire.errors import BadRequest, Forbidden
from ..wire.fields import clean_host
from ..wire.messages import NO_COOKIE, KeepAlive, Leave, PQuery, Register, Request, Version
from ..wire.whole import read_whole

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

Answer = tuple[bytes, bool]
"""The body of an answer that grants the request, and whether there are more peers than it lists."""


class RSConnection(RequestConnection):
    """A connection to the RS."""

    factory: RSFactory
    rate_key: str | None = None
    """The key under which its requests are counted; None: they are not."""
    _is_counted = False
    """Whether the next request that `answer` gets is counted already."""

    def fast_path(self, data: bytes, at: int) -> FastAnswer | None:
        """Grant a whole KeepAlive of an active peer at once; take others of the usual form without the parser."""
        match = KEEP_ALIVE.match(data, at)
        if match is not None and self._may_ask():
            minor, cookie, port = match.groups()
            registry = self.factory.registry
            if registry.renew(int(cookie), int(port), self.caller.address[0]):
                answer, version = _keep_alive_answer(self.here, minor, registry.clocks.ttl)
                return match.end(), answer, version
            self._is_counted = True
        whole = read_whole(data, at)
        return None if whole is None else (*whole, whole[1].version)

    def answer(self, request: Request, caller: Caller) -> Deferred[None] | Later | None:
        """Answer one of the four messages of an RS. Raises, or fails with, BadRequest for those of peers."""
        requests, started = self.factory.requests, self.factory.requests.now()
        is_counted, self._is_counted = self._is_counted or self._may_ask(), False
        if is_counted:
            if (found := self._sampled_at_once(request)) is not None:
                requests.granted("PQuery", started)
                return self.grant(*found)
            if self._enters(request, started, caller):
                return LATER
        method = type(request.message).__name__
        return begin(requests.counted(method, self._answer(request, caller, is_counted)))

    # at once: nothing is awaited, and no coroutine begun

    def _sampled_at_once(self, request: Request) -> Answer | None:
        """Return the answer to a PQuery of an active peer that wants a sample; None: it wants another thing."""
        message, registry = request.message, self.factory.registry
        if not isinstance(message, PQuery) or not _wants_sample(message, request.version):
            return None
        if not registry.renew(message.cookie, message.port, self._origin(request)[0]):
            return None
        return self._sample(message)

    def _enters(self, request: Request, started: float, caller: Caller) -> bool:
        """Begin to answer a Register, if nothing speaks against it; return False if it is to be decided otherwise."""
        if not isinstance(request.message, Register):
            return False
        try:
            entry = self._entry(request.message, request, caller)
        except Forbidden:
            return False
        return self.factory.registry.enter(entry, lambda result: self._entered(result, started, caller))

    def _entered(self, result: PeerRecord | Failure, started: float, caller: Caller) -> None:
        """Answer a Register whose record is stored, or could not be."""
        if isinstance(result, PeerRecord):
            body = self._registered(result, caller)
            self.factory.requests.granted("Register", started)
            self.finish(body)
            return
        if isinstance(result.value, StoreError):
            result = Failure(self._not_written(result.value))
        self.factory.requests.refused("Register", result.value)
        self.finish(result)

    # in a coroutine

    async def _answer(self, request: Request, caller: Caller, is_counted: bool) -> None:
        if self.rate_key is not None and not is_counted:
            self.factory.count_request(self, self.rate_key)
        message: Any = request.message
        handler = _HANDLERS.get(type(message))
        if handler is None:
            raise BadRequest("this is the RS: it serves Register, Leave, KeepAlive and PQuery; files are with peers")
        if message.cookie == NO_COOKIE:
            raise Forbidden("-1 is nobody's cookie: register with an empty one")
        try:
            body, more = await handler(self, message, request, caller)
        except rules.HostFull:
            self.factory.limit_hits["registrations"] += 1
            raise
        except rules.WrongCookie as error:
            warning = await self.factory.wrong_cookie(self, message)
            raise Forbidden(error.reason + warning) from None
        except StoreError as error:
            raise self._not_written(error) from None
        sending = self.grant(body, more)
        if sending is not None:
            await sending

    async def _register(self, message: Register, request: Request, caller: Caller) -> Answer:
        record = await self.factory.registry.apply(self._entry(message, request, caller))
        return self._registered(record, caller), False

    async def _leave(self, message: Leave, request: Request, caller: Caller) -> Answer:
        record = await self.factory.registry.apply(rules.leave(message.cookie, message.port, self._origin(request)))
        self._written()
        self.factory.events.publish(PeerLeft(record.address, caller.address))
        return b"you have been unregistered from the RS server!\n", False

    async def _keep_alive(self, message: KeepAlive, request: Request, caller: Caller) -> Answer:
        registry, origin = self.factory.registry, self._origin(request)
        if not registry.renew(message.cookie, message.port, origin[0]):
            await registry.apply(rules.keep_alive(message.cookie, message.port, origin))
        return _renewed(registry.clocks.ttl), False

    async def _query(self, message: PQuery, request: Request, caller: Caller) -> Answer:
        registry, origin = self.factory.registry, self._origin(request)
        if not registry.renew(message.cookie, message.port, origin[0]):
            await registry.apply(rules.query(message.cookie, message.port, origin))
        if _wants_sample(message, request.version):
            return self._sample(message)
        if request.version is Version.V10:
            return await self.factory.whole_list.body(), False
        page, more = await registry.active(min(message.limit or MAX_PAGE, MAX_PAGE), message.after)
        return address_lines(page), more

    # for both

    def _may_ask(self) -> bool:
        """Count a request; return False, with nothing counted, if its host makes too many."""
        key = self.rate_key
        return key is None or not self.factory.rates.take(key, self.factory.clock.seconds())

    def _origin(self, request: Request) -> rules.Origin:
        """Return the hosts that the caller may speak for: the one that is recorded for it, then its own address."""
        peer, _ = self.caller.address
        return self.factory.trusted.host_of(peer, request.host), clean_host(peer) or peer

    def _entry(self, message: Register, request: Request, caller: Caller) -> rules.Request:
        """Return what a Register requests of the registry. Raises Forbidden."""
        factory, (host, peer) = self.factory, self._origin(request)
        if not caller.may_announce(host):
            raise Forbidden(f"the certificate of {caller.name} is not for the host {host}; have one issued that is")
        limit = None if peer in factory.trusted else factory.host_limits.max_peers_per_host
        return rules.register(host, message.port, message.cookie, request.version is Version.V11, limit)

    def _registered(self, record: PeerRecord, caller: Caller) -> bytes:
        """Note that a peer has registered, which is on disk; return the body of the answer."""
        self._written()
        self.factory.events.publish(PeerRegistered(record.address, caller.address))
        return b"cookie:%d\n" % record.cookie

    def _written(self) -> None:
        """Note that the registry can be written."""
        if self.factory.alarm.failures:
            self.factory.alarm.worked()

    def _not_written(self, error: StoreError) -> BadRequest:
        """Note that the registry cannot be written; return the refusal."""
        self.factory.alarm.failed(error)
        return BadRequest("the RS cannot write down anything now; try again later")

    def _sample(self, message: PQuery) -> Answer:
        return self.factory.registry.sample(min(message.sample or self.factory.host_limits.peer_list, MAX_PAGE))


_HANDLERS: dict[type, Callable[[RSConnection, Any, Request, Caller], Awaitable[Answer]]] = {
    Register: RSConnection._register,
    Leave: RSConnection._leave,
    KeepAlive: RSConnection._keep_alive,
    PQuery: RSConnection._query,
}


def _wants_sample(message: PQuery, version: Version) -> bool:
    """Return whether a PQuery is not for a part of all addresses, or (in 1.0) for all of them."""
    return version is Version.V11 and (message.sample is not None or (message.limit is None and message.after is None))


def _renewed(ttl: int) -> bytes:
    return b"you have been renewed! TTL is %d seconds\n" % ttl


@lru_cache(maxsize=64)
def _keep_alive_answer(here: str, minor: bytes, ttl: int) -> tuple[bytes, Version]:
    """Return the whole answer that grants a KeepAlive of 1.`minor` that came to the address `here`; and its version."""
    body, version = _renewed(ttl), Version.V10 if minor == b"0" else Version.V11
    return granting_head(version, here, OS_NAME, len(body)) + body, version
