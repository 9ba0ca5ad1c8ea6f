"""The piece list of a file for many that ask at the same time; downloaders are letters."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from p2p_twisted.peer.serving import piece_lists
from p2p_twisted.peer.serving.piece_lists import SOON, WAIT, WAIT_EACH, PieceLists, list_lines
from p2p_twisted.wire.messages import GetFile, GetNext, GetTurn, Message, Request, Version

A, B = "a" * 64, "b" * 64


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lists(clock: Clock) -> PieceLists:
    return PieceLists(clock)


def ask(lists: PieceLists, *who: str, sha256: str = A) -> list[list[bool]]:
    """Have each ask for a list; return what each is told, which is empty as long as it waits."""
    told: list[list[bool]] = [[] for _ in who]
    for one, answers in zip(who, told, strict=True):
        lists.wait(one, sha256).addCallback(answers.append)
    return told


def request(message: Message) -> Request:
    return Request(message, Version.V11, "10.0.0.1", "Linux")


def test_the_first_gets_it_at_once_and_the_others_after_a_moment(clock: Clock, lists: PieceLists) -> None:
    told = ask(lists, *"abc")
    assert told == [[True], [], []]
    clock.advance(WAIT)
    assert told == [[True], [True], []]
    clock.advance(WAIT_EACH)
    assert told == [[True], [True], [True]]
    assert clock.getDelayedCalls() == []


def test_each_file_by_itself_and_nobody_waits_long_after_the_last(clock: Clock, lists: PieceLists) -> None:
    assert ask(lists, "a", sha256=A) + ask(lists, "b", sha256=B) == [[True], [True]]
    clock.advance(SOON)
    assert ask(lists, "c", sha256=A) == [[True]]


@pytest.mark.parametrize("message", [GetNext(((B, ((0, 1),)), (A, ((3, 9),)))), GetFile("x", (0, 9), A)])
def test_who_asks_for_pieces_has_the_list(clock: Clock, lists: PieceLists, message: Message) -> None:
    told = ask(lists, *"ab")
    lists.hear("b", request(message))
    assert told == [[True], [False]]
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("message", [GetTurn(), GetNext(((B, ((0, 1),)),)), GetFile("x", (0, 9), B), GetFile("x")])
def test_other_requests_say_nothing_of_it(clock: Clock, lists: PieceLists, message: Message) -> None:
    told = ask(lists, *"ab")
    lists.hear("b", request(message))
    lists.hear("c", request(message))
    assert told == [[True], []]
    clock.advance(WAIT)
    assert told == [[True], [True]]


def test_a_lost_connection_is_forgotten(clock: Clock, lists: PieceLists) -> None:
    told = ask(lists, *"ab")
    lists.remove("b")
    lists.remove("c")
    assert told == [[True], [False]]
    assert clock.getDelayedCalls() == []


def test_nobody_waits_after_one_that_is_gone(lists: PieceLists) -> None:
    assert ask(lists, "a") == [[True]]
    lists.remove("a")
    assert ask(lists, *"bc") == [[True], []]


def test_only_some_files_are_remembered(lists: PieceLists, monkeypatch: Any) -> None:
    monkeypatch.setattr(piece_lists, "MAX_REMEMBERED", 1)
    assert ask(lists, "a", sha256=A) + ask(lists, "b", sha256=B) == [[True], [True]]
    assert ask(lists, "c", sha256=A) == [[True]]


def test_the_lines_of_a_list() -> None:
    assert list_lines(bytes(32) + b"\xff" * 32) == b"00" * 32 + b"\n" + b"ff" * 32 + b"\n"
