"""This peer's registration: register with a saved cookie, keep alive, and leave when the peer stops.

All of it at one RS, and at the next where that one fails (`rs_pool`).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...events.publisher import Publisher
from ...events.types import Registered, RegistrationFailed
from ...net.connect import Reactor
from ...net.errors import FetchError, Refused
from ...wire.address import Address
from ...wire.limits import TTL
from ...wire.messages import KeepAlive, Leave, PQuery, Register
from .cookie_file import CookieFile
from .one_attempt import OneAttempt
from .peer_list import read_parts
from .rs_answers import given_cookie, told_ttl
from .rs_choice import Rs
from .rs_cookies import RsCookies
from .rs_exchange import Ask, MemberMessage
from .rs_pool import Finder, RsPool

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
        finder: Finder,
        port: int,
        state_dir: Path,
        publisher: Publisher,
        advertise: str | None = None,
        next_port: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Load the cookies from `state_dir`. `port` is that of this peer's server, `advertise` its host if it is set.

        `finder` finds the RS. `next_port` is called when the RS keeps the port for another peer: it moves the server to
        another port and returns that, or None if the port must stay.
        """
        self.pool = RsPool(reactor, finder, advertise)
        self.port = port
        self.registered = False
        """Whether the RS in use has granted a Register, or renewed the registration at another one."""
        self.error: str | None = None
        """The error of the last request to the RS; None if it was answered."""
        self._exchange = self.pool.exchange
        self._reactor = reactor
        self._publisher = publisher
        file = CookieFile(state_dir)
        self.cookies = RsCookies(file.load(), finder.names, file.save)
        """The cookies that RS have given to this peer."""
        self._next_port = next_port
        self._ttl = TTL
        self._loop: Deferred[None] = succeed(None)
        self._registration = OneAttempt(lambda: self._anywhere(self._register_at))

    @property
    def rs(self) -> Address:
        """The host and port of the RS in use, as the user named it."""
        return self.pool.name

    @property
    def seen_as(self) -> str | None:
        """The host under which this peer is registered, as far as it knows; None before an RS was reached."""
        return self.pool.exchange.seen_as

    @property
    def cookie(self) -> int | None:
        """The cookie that counts at the RS in use, as far as this peer knows; None before the first registration."""
        current = self.pool.choice.current
        return None if current is None else next(iter(self.cookies.of(current)), None)

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
            await self._anywhere(lambda rs: self._exchange.text(rs, Leave(self.cookies.at(rs), self.port)))

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
        before, self.error = self.error, str(why)
        if self.error != before:
            self.log.warn("{rs}{why}; trying again", rs=self.pool.label, why=self.error)
            self._publisher.publish(RegistrationFailed(self.rs, self.error))

    def _answered(self) -> None:
        if self.error is not None:
            self.error = None
            self._publisher.publish(Registered(self.rs, renewed=True))

    async def register(self) -> None:
        """Register, with a saved cookie if there is one that the RS still knows. Raises FetchError.

        Concurrent calls wait for the same registration: a second one would get a cookie of its own.
        """
        if not self.registered:
            await self._registration.join()

    async def _register_at(self, rs: Rs) -> None:
        cookie = given_cookie(await self._introduce(rs))
        self.cookies.counts(rs, cookie)
        self.registered, self.error = True, None
        self._publisher.publish(Registered((rs.name, rs.port)))
        self._note_ttl(await self._exchange.text(rs, KeepAlive(cookie, self.port)))

    async def _introduce(self, rs: Rs) -> str:
        """Send Register until it is granted: without a cookie that the RS does not know, from a port that is free."""
        cookies = [*self.cookies.of(rs), None]
        while True:
            try:
                return await self._exchange.text(rs, Register(cookies[0], self.port))
            except Refused as e:
                if e.status != Refused.FORBIDDEN:
                    raise
                if e.retry_after is not None:  # the RS keeps the address for another peer
                    self._move(e)
                elif cookies.pop(0) is None:
                    raise

    def _move(self, why: Refused) -> None:
        """Take the next port; raise `why` if there is none."""
        port = self._next_port()
        if port is None:
            raise why
        self.log.info("port {old} is another peer's at the RS: listening on {new}", old=self.port, new=port)
        self.port = port

    async def _keep_alive(self) -> None:
        await self.pool.return_home(partial(self._try, KeepAlive, self._exchange.text))
        self._note_ttl(await self._as_member(KeepAlive, self._exchange.text))

    def _note_ttl(self, line: str) -> None:
        self._ttl = told_ttl(line)
        self._answered()

    async def query(self, ask: Callable[[int, int], PQuery]) -> tuple[list[Address], bool]:
        """Return the active peers that a PQuery lists, and whether there are more. Raises FetchError."""
        try:
            found: tuple[list[Address], bool] = await self._as_member(ask, self._exchange.peers)
        except FetchError as e:
            self._failed(e)
            raise
        self._answered()
        return found

    async def peers(self) -> list[Address]:
        """Return all active peers, this one included, or the first MAX_LISTED. Raises FetchError."""
        return await read_parts(self.query)

    async def is_listed(self, address: Address) -> bool:
        """Return whether the RS lists that peer; an RS of 1.1 sends only its line. Raises FetchError."""
        host, port = address
        if port == 1:  # no port is before it
            return address in await self.peers()
        found, _ = await self.query(lambda cookie, own: PQuery(cookie, own, 1, (host, port - 1)))
        return address in found

    async def _as_member(self, message: MemberMessage, ask: Ask) -> Any:
        """Ask what `message` makes of cookie and port; register and ask again if the RS does not know this peer."""
        for is_last in (False, True):
            await self.register()
            answer = await self._anywhere(partial(self._try, message, ask))
            if not isinstance(answer, Refused):
                break
            self.registered = False
            if is_last:
                self.pool.refused(answer)
                raise answer
        return answer

    async def _try(self, message: MemberMessage, ask: Ask, rs: Rs) -> Any:
        """Return the answer of `rs`, or its Refused if it does not know this peer. Raises FetchError."""
        cookie = self.cookies.at(rs)
        try:
            answer = await ask(rs, message(cookie, self.port))
        except Refused as e:
            if e.status != Refused.FORBIDDEN:
                raise
            return e
        self.cookies.counts(rs, cookie)
        return answer

    async def _anywhere(self, attempt: Callable[[Rs], Awaitable[Any]]) -> Any:
        late = self._reactor.callLater(ANSWER_TIMEOUT, self._note_silence)
        try:
            return await self.pool.anywhere(attempt)
        finally:
            if late.active():
                late.cancel()

    def _note_silence(self) -> None:
        if self.registered and self.error is None:
            self.error = f"no answer for {ANSWER_TIMEOUT} s"
            self._publisher.publish(RegistrationFailed(self.rs, self.error))
