"""Do several things at the same time, as one thing that can be cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred, DeferredSemaphore, FirstError, gatherResults


async def together(most: int, work: Iterable[Callable[[], Deferred[None]]]) -> None:
    """Do all of `work`, at most `most` at the same time. Raises the first error; cancelled, it cancels all of it."""
    places = DeferredSemaphore(most)
    try:
        await gatherResults([places.run(one) for one in work], consumeErrors=True)
    except FirstError as e:
        e.subFailure.raiseException()
