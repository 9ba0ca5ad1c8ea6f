"""This peer's registration at the RS: register with the saved cookie, keep alive, and leave when the peer stops.

Each request has a connection of its own: an RS with a million peers cannot keep one open for each.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...events.publisher import Publisher
from ...events.types import Registered, RegistrationFailed
from ...net.client import ClientConnection
from ...net.connect import Reactor, dial
from ...net.errors import FetchError, Refused
from ...net.lines import Slicer
from ...net.receiving import MAX_REFUSAL
from ...wire.address import Address
from ...wire.limits import TTL
from ...wire.messages import KeepAlive, Leave, Message, PQuery, Register, Version
from .cookie_file import CookieFile
from .one_attempt import OneAttempt
from .peer_list import PeerList
from .rs_answers import given_cookie, told_ttl

FIRST_RETRY = 1.0
LAST_RETRY = 60.0
"""Seconds before the first and the last retries of a registration; doubled each time, with jitter."""
LEAVE_TIMEOUT = 3
ANSWER_TIMEOUT = 2
"""Seconds without an answer after which `error` says so: less than a download waits for news."""
MAX_KEEPALIVE = 180
"""Most seconds between KeepAlives: an RS protects the address of a peer that renews within 300 s, and one that lost its
registry knows this peer again."""


class Registration(Service):
    """Keeps this peer registered. Start it when the peer's port is known."""

    log = Logger()

    def __init__(
        self,
        reactor: Reactor,
        rs: Address,
        port: int,
        state_dir: Path,
        publisher: Publisher,
        advertise: str | None = None,
        next_port: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Load the cookie from `state_dir`. `port` is that of this peer's server, `advertise` its host if it is set.

        `next_port` is called when the RS keeps the port for another peer: it moves the server to another port and
        returns that, or None if the port must stay.
        """
        self.rs = rs
        self.port = port
        self.registered = False
        self.tls: Any = None  # the Tls of its connections
        self.error: str | None = None
        """The error of the last request to the RS; None if it was answered."""
        self.seen_as: str | None = advertise
        """The host under which this peer is registered, as far as it knows; None before the RS was reached."""
        self.near: tuple[str, ...] = ()
        """The IP addresses of this peer and of the RS on the last connection between them, and `advertise`."""
        self._reactor = reactor
        self._publisher = publisher
        self._cookie_file = CookieFile(state_dir, rs)
        self.cookie = self._cookie_file.load()
        """The cookie given by this RS, None before the first registration."""
        self._advertise = advertise
        self._next_port = next_port
        self._ttl = TTL
        self._loop: Deferred[None] = succeed(None)
        self._registration = OneAttempt(self._register)
        self._version: Version | None = None

    def startService(self) -> None:
        """Start to register, and go on until stopped."""
        super().startService()
        self._loop = Deferred.fromCoroutine(self._run()).addErrback(lambda why: why.trap(CancelledError) and None)

    def stopService(self) -> Deferred[None]:
        """Leave the RS, if it answers within three seconds."""
        super().stopService()
        leaving = Deferred.fromCoroutine(self._stop())
        leaving.addTimeout(LEAVE_TIMEOUT, self._reactor)
        return leaving.addErrback(lambda why: self.log.info("could not leave the RS: {e}", e=why.getErrorMessage()))

    async def _stop(self) -> None:
        self._loop.cancel()
        if self._registration.is_running:  # a pending request may still be granted: leave then
            await self._registration.join()
        if self.registered and self.cookie is not None:
            self.registered = False
            await self._ask(Leave(self.cookie, self.port))

    async def _run(self) -> None:
        pause = FIRST_RETRY
        while True:
            try:
                await (self._keep_alive() if self.registered else self.register())
                pause = FIRST_RETRY
                wait = min(self._ttl / 4, MAX_KEEPALIVE)
            except FetchError as e:
                self._failed(e)
                wait, pause = pause, min(2 * pause, LAST_RETRY)
            except CancelledError:
                raise
            except Exception:
                self.log.failure("registration")
                wait = LAST_RETRY
            await deferLater(self._reactor, wait * random.uniform(0.75, 1.25))

    def _failed(self, why: FetchError) -> None:
        if str(why) != self.error:
            self.log.warn("RS {host}:{port}: {why}; trying again", host=self.rs[0], port=self.rs[1], why=str(why))
            self._publisher.publish(RegistrationFailed(self.rs, str(why)))
        self.error = str(why)

    def _answered(self) -> None:
        if self.error is not None:
            self.error = None
            self._publisher.publish(Registered(self.rs, renewed=True))

    async def register(self) -> None:
        """Register, with the saved cookie if there is one that the RS still knows. Raises FetchError.

        Concurrent calls wait for the same registration: a second one would get a cookie of its own.
        """
        if not self.registered:
            await self._registration.join()

    async def _register(self) -> None:
        self.cookie = given_cookie(await self._introduce())
        self._cookie_file.save(self.cookie)
        self.registered, self.error = True, None
        self._publisher.publish(Registered(self.rs))
        self._note_ttl(await self._ask(KeepAlive(self.cookie or 0, self.port)))

    async def _introduce(self) -> str:
        """Send Register until it is granted: without a cookie that the RS does not know, from a port that is free."""
        cookie = self.cookie
        while True:
            try:
                return await self._ask(Register(cookie, self.port))
            except Refused as e:
                if e.status != Refused.FORBIDDEN:
                    raise
                if e.retry_after is not None:  # the RS keeps the address for another peer
                    self._move(e)
                elif cookie is not None:
                    cookie = None
                else:
                    raise

    def _move(self, why: Refused) -> None:
        """Take the next port; raise `why` if there is none."""
        port = self._next_port()
        if port is None:
            raise why
        self.log.info("port {old} is another peer's at the RS: listening on {new}", old=self.port, new=port)
        self.port = port

    async def _keep_alive(self) -> None:
        self._note_ttl(await self._of_a_member(KeepAlive, self._ask))

    def _note_ttl(self, line: str) -> None:
        self._ttl = told_ttl(line)
        self._answered()

    async def query(self, ask: Callable[[int, int], PQuery] = PQuery) -> tuple[list[Address], bool]:
        """Return the active peers that a PQuery lists, and whether there are more. Raises FetchError."""
        try:
            await self.register()
            found: tuple[list[Address], bool] = await self._of_a_member(ask, self._list)
        except FetchError as e:
            self._failed(e)
            raise
        self._answered()
        return found

    async def peers(self) -> list[Address]:
        """Return all active peers, this one included. Raises FetchError."""
        return (await self.query())[0]

    async def is_listed(self, address: Address) -> bool:
        """Return whether the RS lists that peer; an RS of 1.1 sends only its line. Raises FetchError."""
        host, port = address
        ask = (lambda cookie, own: PQuery(cookie, own, 1, (host, port - 1))) if port > 1 else PQuery
        found, _ = await self.query(ask)
        return address in found

    async def _of_a_member(
        self, message: Callable[[int, int], Message], ask: Callable[[Message], Awaitable[Any]]
    ) -> Any:
        """Ask what `message` makes of cookie and port; register and retry if the RS has forgotten us."""
        try:
            return await ask(message(self.cookie or 0, self.port))
        except Refused as e:
            if e.status != Refused.FORBIDDEN:
                raise
        self.registered = False
        await self.register()
        return await ask(message(self.cookie or 0, self.port))

    async def _list(self, message: Message) -> tuple[list[Address], bool]:
        sink = PeerList(Slicer(self._reactor))
        response, _ = await self._exchange(message, lambda connection: sink.read(connection, message))
        return sink.peers(), response.more

    async def _ask(self, message: Message) -> str:
        _, body = await self._exchange(message, lambda connection: connection.collect(message, MAX_REFUSAL))
        return str(body, "utf-8", "replace")

    async def _exchange(self, message: Message, send: Callable[[ClientConnection], Awaitable[Any]]) -> Any:
        late = self._reactor.callLater(ANSWER_TIMEOUT, self._note_silence)
        try:
            known = self._version if isinstance(message, PQuery) and (message.limit or message.sample) else None
            connection = await dial(self._reactor, self.rs, self._advertise, known, tls=self.tls)
            here, there = connection.transport.getHost().host, connection.transport.getPeer().host
            self.seen_as = self._advertise or here
            self.near = here, there, self.seen_as
            try:
                answer = await send(connection)
                self._version = connection.version
                return answer
            except FetchError as e:
                if not isinstance(e, Refused):
                    self._version = None  # another server may be at that address by now
                raise
            finally:
                connection.close()
        finally:
            if late.active():
                late.cancel()

    def _note_silence(self) -> None:
        if self.registered and self.error is None:
            self.error = f"no answer for {ANSWER_TIMEOUT} s"
            self._publisher.publish(RegistrationFailed(self.rs, self.error))
