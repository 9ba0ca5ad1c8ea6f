"""Do several things at the same time, or many one after the other in turns of the reactor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

T = TypeVar("T")

BATCH = 100
"""Things done in one turn of the reactor."""


async def together(most: int, work: Iterable[Callable[[], Deferred[None]]]) -> None:
    """Do all of `work`, at most `most` at the same time. Raises the first error; cancelled, it cancels all of it."""
    places = DeferredSemaphore(most)
    try:
        await gatherResults([places.run(one) for one in work], consumeErrors=True)
    except FirstError as e:
        e.subFailure.raiseException()


async def in_turns(clock: IReactorTime, things: Iterable[T]) -> AsyncIterator[T]:
    """Yield `things`, and let the reactor do other work after each BATCH of them."""
    for number, thing in enumerate(things, 1):
        yield thing
        if number % BATCH == 0:
            await deferLater(clock, 0)
