"""Answers are read leniently: each fault is still seen, and the rest of the answer too."""

from __future__ import annotations

import time

import pytest

from p2p_twisted.check.answers import Answer, is_exact_status, is_status, read_answer
from p2p_twisted.check.conversation import Conversation, Silent
from p2p_twisted.check.profile import Profile
from p2p_twisted.check.profile_files import load
from p2p_twisted.check.transcript import Transcript
from tests.check.servers.canned import Canned

OLD, NEW = load("1.0"), load("1.1")
HEAD = b"200 OK P2P-CI/1.0\nHost: h\nOS: Linux\n"


def answer(*parts: bytes, profile: Profile = OLD, closes: bool = True, timeout: float = 5.0) -> Answer:
    return answers(1, *parts, profile=profile, closes=closes, timeout=timeout)[0]


def answers(
    count: int, *parts: bytes, profile: Profile = OLD, closes: bool = True, timeout: float = 5.0
) -> list[Answer]:
    with Canned(*parts, closes=closes) as server:
        address = ("127.0.0.1", server.port)
        with Conversation(address, Transcript(), timeout, time.monotonic() + 30) as made:
            made.send(b"?")
            return [read_answer(made, profile) for _ in range(count)]


def test_an_answer_of_1_0() -> None:
    found = answer(HEAD, b"\ncookie:4\n")
    assert (found.status, found.code, found.headers) == ("200 OK P2P-CI/1.0", 200, ("Host: h", "OS: Linux"))
    assert (found.has_empty_line, found.body, found.lines) == (True, b"cookie:4\n", ["cookie:4"])
    assert found.closed and not found.is_cut
    assert (found.header("OS"), found.header("os")) == ("Linux", None)
    assert is_exact_status(found, OLD) and is_status(found, OLD, "ok")


def test_the_code_is_found_wherever_it_stands() -> None:
    found = answer(b"HTTP/1.0 403 No\n\nwhy\n")
    assert is_status(found, OLD, "unknown_cookie") and not is_exact_status(found, OLD)
    assert answer(b"what\n\n").code is None


def test_without_an_empty_line_the_known_headers_are_the_head() -> None:
    found = answer(HEAD + b"cookie:4\n")
    assert (found.has_empty_line, found.headers, found.body) == (False, ("Host: h", "OS: Linux"), b"cookie:4\n")


def test_a_server_that_does_not_close_is_not_waited_for_for_ever() -> None:
    found = answer(HEAD, b"\nbody\n", closes=False, timeout=0.2)
    assert (found.body, found.closed) == (b"body\n", False)


def test_answers_with_a_length_follow_each_other() -> None:
    one = b"200 OK P2P-CI/1.1\nHost: h\nOS: Linux\nLength: 4\n\nbody"
    first, second = answers(2, one + one, profile=NEW)
    assert (first.body, second.raw, first.is_cut) == (b"body", one, False)


def test_a_body_that_is_shorter_than_its_length_is_cut() -> None:
    found = answer(b"200 OK P2P-CI/1.1\nLength: 40\n\nbody", profile=NEW)
    assert (found.body, found.is_cut) == (b"body", True)


@pytest.mark.parametrize("length", [b"x", b"-1", b"", b"9" * 5000, b"\x1c 40"])
def test_a_length_that_is_none_is_passed_over(length: bytes) -> None:
    assert answer(b"200 OK P2P-CI/1.1\nLength: %b\n\nbody" % length, profile=NEW).body == b"body"


def test_silence_and_an_end_without_an_answer_are_told_apart() -> None:
    with pytest.raises(Silent, match=r"no answer within 0\.2 s"):
        answer(closes=False, timeout=0.2)
    with pytest.raises(Silent, match="closed the connection without an answer"):
        answer()


@pytest.mark.parametrize("data", [b"\n", b"\xff\xfe\n\n\xff", b"\0" * 70_000, b"200", b"\r\n\r\n", b"\n\n"])
def test_anything_is_an_answer(data: bytes) -> None:
    found = answer(data)
    assert (found.raw, isinstance(found.lines, list)) == (data, True)
