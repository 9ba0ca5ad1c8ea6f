"""The requests that are counted: by method and status, and by the time that their answers took."""

from __future__ import annotations

from collections import Counter

import pytest
from twisted.internet.defer import Deferred

from p2p_twisted.rs.counts import RequestCounts
from p2p_twisted.wire.errors import BadRequest, Forbidden, WireError


class Counted:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.counts = RequestCounts(lambda: self.seconds)
        self.refusals: Counter[int] = Counter()

    def ask(self, method: str, error: Exception | None = None, takes: float = 0.0) -> None:
        """Answer a request, and refuse it as a connection does if `error` is a refusal."""

        async def answer() -> None:
            self.seconds += takes
            if error is not None:
                raise error

        async def connection() -> None:
            try:
                await self.counts.counted(method, answer())
            except WireError as refusal:
                self.refuse(refusal)
            except ValueError:
                pass

        Deferred.fromCoroutine(connection())

    def refuse(self, error: WireError) -> None:
        self.refusals[error.status] += 1

    def numbers(self, fast_answers: int = 0) -> dict[str, float]:
        return {name: number for name, number in self.counts.numbers(fast_answers, self.refusals).items() if number}


def test_by_method_and_status() -> None:
    counted = Counted()
    counted.ask("Register")
    counted.ask("Register")
    counted.ask("Leave", Forbidden("no"))
    found = counted.numbers()
    assert (found["requests Register 200"], found["requests Leave 403"]) == (2, 1)
    assert not [name for name in found if name.startswith("requests other")]


def test_what_cannot_be_read_or_is_none_of_an_rs_is_other() -> None:
    counted = Counted()
    counted.refuse(BadRequest("not a request"))
    counted.ask("GetFile", BadRequest("this is the RS"))
    counted.ask("Register", BadRequest("no port"))
    assert counted.numbers() == {"requests other 300": 2, "requests Register 300": 1}


def test_those_of_the_fast_path_are_added_and_not_timed() -> None:
    counted = Counted()
    counted.ask("KeepAlive", takes=0.2)
    found = counted.numbers(fast_answers=40)
    assert found == {"requests KeepAlive 200": 41, "seconds KeepAlive 0.25": 1, "seconds KeepAlive sum": 0.2}


@pytest.mark.parametrize("error", [Forbidden("no"), ValueError("a bug")])
def test_only_what_is_granted_is_timed(error: Exception) -> None:
    counted = Counted()
    counted.ask("PQuery", error, takes=0.2)
    status = "403" if isinstance(error, Forbidden) else "failed"
    assert counted.numbers() == {f"requests PQuery {status}": 1}


def test_every_method_is_there_from_the_start() -> None:
    found = Counted().counts.numbers(0, {})
    assert {"requests KeepAlive 200", "requests other 300", "requests Leave 403", "seconds PQuery inf"} <= set(found)
