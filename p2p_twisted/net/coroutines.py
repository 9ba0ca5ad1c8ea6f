"""Coroutines that mostly have nothing to wait for: those need no Deferred, which takes as long as a short answer."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


def begin(coroutine: Coroutine[Any, Any, None]) -> Deferred[None] | None:
    """Run `coroutine` until it waits for something; return None if it never does.

    Else return a Deferred that fires when it has ended, or fails with what it raises, and cannot be cancelled. What it
    raises before that is raised here.
    """
    try:
        waited = coroutine.send(None)
    except StopIteration:
        return None
    ended: Deferred[None] = Deferred()
    waited.addBoth(_go_on, coroutine, ended)
    return ended


def _go_on(result: object, coroutine: Coroutine[Any, Any, None], ended: Deferred[None]) -> None:
    """Go on with a coroutine that has waited for a Deferred, which has its `result` now."""
    try:
        error = result.value if isinstance(result, Failure) else None  # any other result is read where it is awaited
        waited = coroutine.send(None) if error is None else coroutine.throw(error)
    except StopIteration:
        ended.callback(None)
    except Exception:
        ended.errback(Failure())
    else:
        waited.addBoth(_go_on, coroutine, ended)
