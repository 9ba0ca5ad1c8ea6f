"""The RS that a peer may use: a request goes to one of them, and to the next where that one fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from twisted.logger import Logger

from ...net.connect import Reactor
from ...net.errors import FetchError, Unreachable
from ...wire.address import Address
from ...wire.limits import RS_PORT
from .one_attempt import OneAttempt
from .rs_choice import Rs, RsChoice
from .rs_cookies import Name
from .rs_exchange import RsExchange

LOOK_UP_INTERVAL = 300.0
"""Seconds after which names are looked up again while an RS answers..."""
MIN_LOOK_UP_INTERVAL = 5.0
"""... and at least between two look-ups while none does."""
MAX_NAMED = 3
"""Most RS whose failures are told in one line."""

T = TypeVar("T")


class Finder(Protocol):
    """Finds RS, such as an RsFinder."""

    names: Sequence[Name]
    """The RS as the user has named them; none where they are found without a name."""
    may_change: bool
    """Whether other RS may be found later."""
    nothing: str
    """What is wrong while none is found."""

    async def find(self) -> list[Rs]:
        """Return the RS in an order drawn by chance."""


class RsPool:
    """Asks RS; `choice` says which, and `exchange` knows what this peer looks like to them."""

    log = Logger()

    def __init__(self, reactor: Reactor, finder: Finder, advertise: str | None) -> None:
        """`finder` finds the RS, `advertise` is the host of this peer if it is set."""
        self.choice = RsChoice()
        self.exchange = RsExchange(reactor, self.choice, advertise)
        self._reactor = reactor
        self._finder = finder
        self._look_up = OneAttempt(self._find)
        self._found_at: float | None = None

    @property
    def name(self) -> Address:
        """The host and port of the RS in use, as the user named it; no host while none is found nor named."""
        if self.choice.current is not None:
            return self.choice.current.name, self.choice.current.port
        host, port = next(iter(self._finder.names), ("", None))
        return host, port or RS_PORT

    @property
    def label(self) -> str:
        """The beginning of a line about the RS in use; empty while none is found nor named."""
        host, port = self.name
        return f"RS {host}:{port}: " if host else ""

    async def anywhere(self, attempt: Callable[[Rs], Awaitable[T]]) -> T:
        """Return what `attempt` returns at the RS in use, or at the next where it fails. Raises FetchError."""
        await self._know_some()
        tried: dict[Rs, FetchError] = {}
        while (rs := await self._next(tried)) is not None:
            try:
                answer = await attempt(rs)
            except FetchError as e:
                tried[rs] = e
                self._failed(rs, e)
            else:
                self.choice.answered(rs, self._now())
                return answer
        self.choice.none_answered()
        raise _summary(tried)

    async def _know_some(self) -> None:
        """Find RS if none are known. Look the known ones up again from time to time, without waiting for that."""
        age = None if self._found_at is None else self._now() - self._found_at
        if self.choice.current is None:
            await self._look_up.join()
        elif age is not None and age > LOOK_UP_INTERVAL and self._finder.may_change:
            self._look_up.join()
        if self.choice.current is None:
            raise Unreachable(self._finder.nothing)

    async def _next(self, tried: dict[Rs, FetchError]) -> Rs | None:
        """Return an RS that is none of `tried`; None if there is none, even after another look-up."""
        rs = self.choice.next(tried)
        age = self._now() - (self._found_at or 0)
        if rs is None and self._finder.may_change and age > MIN_LOOK_UP_INTERVAL:
            await self._look_up.join()
            rs = self.choice.next(tried)
        return rs

    async def _find(self) -> None:
        try:
            self.choice.update(await self._finder.find(), self._now())
        except Exception:
            self.log.failure("look-up of the RS")
        self._found_at = self._now()

    def _failed(self, rs: Rs, why: FetchError) -> None:
        is_news = self.choice.error_of(rs) is None
        self.choice.failed(rs, str(why), self._now())
        if is_news and self.choice.current not in (rs, None):
            self.log.warn("RS {rs}: {why}; asking {next}", rs=rs.label, why=str(why), next=self.choice.current.label)

    def refused(self, why: FetchError) -> None:
        """Note that the RS in use answers, but not as it should."""
        if self.choice.current is not None:
            self._failed(self.choice.current, why)

    async def return_home(self, attempt: Callable[[Rs], Awaitable[object]]) -> None:
        """Use the first RS again, if this is the time for that and `attempt` succeeds there."""
        home = self.choice.home_due(self._now())
        if home is None:
            return
        try:
            await attempt(home)
        except FetchError as e:
            self.choice.failed(home, str(e), self._now())
        else:
            self.choice.answered(home, self._now())
            self.choice.came_home(self._now())
            self.log.info("RS {rs} answers again: it is used again", rs=home.label)

    def _now(self) -> float:
        return float(self._reactor.seconds())


def _summary(tried: dict[Rs, FetchError]) -> FetchError:
    """Return the error of the only RS, or one that has those of the first few."""
    if len(tried) == 1:
        return next(iter(tried.values()))
    told = "; ".join(f"{rs.label}: {why}" for rs, why in list(tried.items())[:MAX_NAMED])
    return Unreachable(f"none of {len(tried)} RS answers: {told}")
