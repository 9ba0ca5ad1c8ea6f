"""Coroutines that wait for nothing, once, or several times."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from p2p_twisted.net.coroutines import begin


async def take(results: list[object], *waits: Deferred[int]) -> None:
    """Append the results of `waits`; an OSError is one, too. Raises any other error."""
    for wait in waits:
        try:
            results.append(await wait)
        except OSError as error:
            results.append(type(error))


def test_what_waits_for_nothing_is_done_at_once() -> None:
    results: list[object] = []
    assert begin(take(results, succeed(1), succeed(2))) is None
    assert results == [1, 2]


def test_what_it_raises_at_once_is_raised() -> None:
    failed: Deferred[int] = Deferred()
    failed.errback(KeyError())
    try:
        begin(take([], failed))
    except KeyError:
        return
    raise AssertionError


def test_it_goes_on_with_each_result_and_each_failure() -> None:
    results: list[object] = []
    first, second, third = Deferred[int](), Deferred[int](), Deferred[int]()
    ended: list[object] = []
    pending = begin(take(results, first, succeed(2), second, third))
    assert pending is not None
    pending.addBoth(ended.append)
    first.callback(1)
    second.errback(OSError())
    assert (results, ended) == ([1, 2, OSError], [])
    third.callback(3)
    assert (results, ended) == ([1, 2, OSError, 3], [None])


def test_it_fails_with_what_is_raised_later() -> None:
    wait, failures = Deferred[int](), list[Failure]()
    pending = begin(take([], succeed(1), wait))
    assert pending is not None
    pending.addErrback(failures.append)
    wait.errback(KeyError())
    assert failures[0].check(KeyError)
