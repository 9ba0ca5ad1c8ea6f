"""Coroutines that mostly have nothing to wait for: those need no Deferred, which takes as long as a short answer."""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred


def begin(coroutine: Coroutine[Any, Any, None]) -> Deferred[None] | None:
    """Run `coroutine` until it waits for something; return None if it never does.

    Else return a Deferred that fires when it has ended, or fails with what it raises. What it raises before that is
    raised here.
    """
    try:
        waited = coroutine.send(None)
    except StopIteration:
        return None
    return Deferred.fromCoroutine(_go_on(coroutine, waited))


@types.coroutine
def _go_on(coroutine: Coroutine[Any, Any, None], waited: Any) -> Generator[Any, Any, None]:
    """Run the rest of a coroutine that has begun to wait for the Deferred `waited`."""
    while True:
        step = partial(coroutine.send, None)
        try:
            yield waited  # its result is read where it is awaited
        except Exception as error:
            step = partial(coroutine.throw, error)
        try:
            waited = step()
        except StopIteration:
            return
