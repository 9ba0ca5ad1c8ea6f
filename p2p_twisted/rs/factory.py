"""The factory of an RS's connections, and what they share: registry, limits and their counts, the peer list."""

from __future__ import annotations

import math
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from ..events.publisher import Publisher
from ..events.rs import CookiesGuessed, RequestRefused
from ..net.admission import REPORT_INTERVAL, Admission
from ..net.caller import Caller
from ..net.factory import RequestFactory
from ..net.tally import Tally
from ..registry.store import Store
from ..wire.errors import BadRequest, WireError
from ..wire.fields import neighbourhood
from ..wire.limits import MAX_COOKIE_1_0
from .counts import RequestCounts
from .guesses import CUT_OFF_TIME, Guesses, Step
from .limits import Limits, RequestRates
from .peer_list import WholeList
from .protocol import RSConnection
from .request_log import RequestLog
from .store_alarm import StoreAlarm
from .trust import TrustedNetworks

DEFAULTS = Limits()


class TooManyRequests(BadRequest):
    """300: the host makes more requests than it may."""


class RSFactory(RequestFactory):
    """Makes the RS's connections. The caller starts the `registry`."""

    protocol = RSConnection

    def __init__(
        self,
        clock: IReactorTime,
        registry: Store,
        trusted: TrustedNetworks,
        limits: Limits = DEFAULTS,
        admission: Admission | None = None,
    ) -> None:
        super().__init__(clock, limits.max_connections, limits.max_connections_per_host, admission)
        self.request_timeout = limits.request_timeout
        self.registry = registry
        self.trusted = trusted
        self.host_limits = limits
        self.alarm = StoreAlarm(clock)
        self.events = Publisher()
        self.requests = RequestCounts()
        self._request_log = RequestLog(clock, self.events)
        self.guesses = Guesses(limits.max_wrong_cookies_per_minute)
        self.rates = RequestRates(limits.max_requests_per_second)
        self._turned_away = Tally(REPORT_INTERVAL)
        self.whole_list = WholeList(clock, registry, limits.peer_list_1_0)

    def admit(self, connection: Any) -> bool:
        """Give a new connection a place, unless its host guesses cookies or asks far too much."""
        host, now = connection.host, self.clock.seconds()
        if self.guesses.has_cut_off and self.guesses.is_cut_off(host, now):
            self.limit_hits["cookies"] += 1
            return False
        key = None if host in self.trusted else neighbourhood(host)
        if key is not None and self.rates.is_spent(key, now):
            self.limit_hits["requests"] += 1
            return self._turned_away.add(host, now)
        connection.rate_key = key
        return super().admit(connection)

    def count_request(self, connection: RSConnection, key: str) -> None:
        """Count a request of the host `key`. Raises BadRequest if it makes too many; few such refusals are sent."""
        now = self.clock.seconds()
        wait = self.rates.take(key, now)
        if not wait:
            return
        self.limit_hits["requests"] += 1
        if not self.rates.may_refuse(key, now):
            connection.end()
        most = self.host_limits.max_requests_per_second
        raise TooManyRequests(f"more than {most} requests a second from your address; ask again later", math.ceil(wait))

    def note_refusal(self, caller: Caller, error: WireError) -> None:
        """Publish the refusal, and count it; one that could not be read is a request of its host like any other."""
        super().note_refusal(caller, error)
        if isinstance(error, BadRequest) and not isinstance(error, TooManyRequests):
            self._count_bad_request(caller.address[0])
        self.events.publish(RequestRefused(caller.address, error.status, error.reason))

    def _count_bad_request(self, host: str) -> None:
        """Count a request that is answered already: the connection ends, and others of `host` may not be admitted."""
        if host not in self.trusted:
            key, now = neighbourhood(host), self.clock.seconds()
            if self.rates.take(key, now):
                self.rates.may_refuse(key, now)

    async def wrong_cookie(self, connection: RSConnection, message: Any) -> str:
        """Count a wrong cookie: wait, or end the connection, or all of the host; return what the refusal adds."""
        host = connection.host
        limit = self.host_limits.wrong_cookies(host in self.trusted)
        is_wide = message.cookie > MAX_COOKIE_1_0
        delay, step, count = self.guesses.wrong(host, limit, self.clock.seconds(), is_wide)
        if step is not None:
            self.events.publish(CookiesGuessed(host, count, step.value))
        if delay != 0:
            self.limit_hits["cookies"] += 1
        if step is Step.CUT_OFF:
            for other in list(self.places.of(connection.neighbourhood)):
                other.end()
        elif delay is None:
            connection.end()
        elif delay:
            await deferLater(self.clock, delay)
            self.guesses.answered(host)
            return f"; your address has sent {count} wrong cookies: at {limit}, it is cut off for {CUT_OFF_TIME:.0f} s"
        return ""

    def _expire(self) -> None:
        super()._expire()
        self._request_log.report()
        if report := self._turned_away.report(self.clock.seconds()):
            count, host = report
            self.log.warn(
                "connections refused (too many requests): {count}, the last from {host}", count=count, host=host
            )
