"""The order of turns, for downloaders that are letters."""

from __future__ import annotations

from typing import Any

import pytest

from p2p_twisted.peer.serving.precedence import MAX_LATE, MAX_OVERTAKEN, Precedence


def order(ranks: dict[str, int], suspects: str = "", late: str = "", sending: str = "", **since: float) -> str:
    """Return the order at the time 10; a downloader is ready since its time in `since`, by default since 9."""
    precedence: Any = Precedence()
    precedence.ranks = {who: rank for who, rank in ranks.items() if rank}
    precedence.is_suspect = suspects.__contains__
    precedence.late.update(late)
    ready = {who: since.get(who, 9.0) for who in ranks}
    return "".join(precedence.order(ready, sending, 10.0))


def test_among_equals_the_first_comes_first() -> None:
    precedence: Any = Precedence()
    ready = {"b": 1.0, "a": 2.0, "c": 3.0}
    assert precedence.order(ready, "", 4.0) == ["b", "a", "c"]
    precedence.late.add("a")
    assert precedence.order(ready, "", 2.5) == ["b", "c", "a"]


def test_the_lowest_rank_comes_first_and_those_that_are_late_last() -> None:
    assert order({"a": 5, "b": 2, "c": 0, "d": 2}) == "cbda"
    assert order({"a": 5, "b": 2, "c": 0, "d": 2}, late="c", c=9.5) == "bdac"


def test_one_that_was_late_does_not_wait_for_ever() -> None:
    long_ago = 10 - MAX_LATE
    assert order(dict.fromkeys("abc", 0), late="a", a=long_ago) == "abc"
    assert order({"a": 0, "b": 2, "c": 1}, late="a", a=long_ago) == "acb"


def test_who_has_waited_for_long_is_overtaken_no_more() -> None:
    assert order({"a": 5, "b": 2, "c": 0}, a=10 - MAX_OVERTAKEN) == "acb"


@pytest.mark.parametrize("sending", ["", "b"])
def test_a_suspect_waits_while_there_is_anybody_else(sending: str) -> None:
    ready = {"a": 9, "b": 0} if not sending else {"a": 9}
    assert order(ready, suspects="a", sending=sending) == ("" if sending else "b")
    assert "a" in order(ready, suspects="a", sending=sending, a=10 - MAX_OVERTAKEN)


def test_suspects_do_not_wait_for_each_other() -> None:
    assert order({"a": 9, "b": 10}, suspects="abc", sending="c") == "ab"
