"""Requests are recognized by the messages of a profile, in every right spelling, and as soon as they are whole."""

from __future__ import annotations

import pytest

from p2p_twisted.check.client.requests import Recognizer
from p2p_twisted.check.profile_files import load

ONE = Recognizer(load("1.0"))
HANDOUT = Recognizer(load("p2p-di"))
REGISTER = b"Register NULL P2P_DI_1.0\nHost 10.0.0.1\nOS Mac OS X\n\ncookie:\nport:4394\n"


@pytest.mark.parametrize(
    "data",
    [
        REGISTER,
        REGISTER.replace(b"\n", b"\r\n"),
        REGISTER.replace(b"P2P_DI_1.0", b"P2P-DI/1.0"),
        REGISTER.replace(b"P2P_DI_1.0", b"P2P_DI_1.1"),
        REGISTER.replace(b"Host ", b"Host: ").replace(b"\nOS ", b"\nOS: "),
        b"Register NULL P2P_DI_1.0\nOS Mac OS X\nHost 10.0.0.1\n\ncookie:\nport:4394\n",
    ],
)
def test_spellings(data: bytes) -> None:
    found = ONE.find(data)
    assert found is not None
    assert (found.message, found.fields["cookie"], found.fields["port"]) == ("register", "", "4394")
    assert found.fields["os"] == "Mac OS X"
    assert all(ONE.find(data[:end]) is None for end in range(len(data)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PQuery NULL P2P_DI_1.0\nHost h\nOS o\n\ncookie:6\ncookie:4396\n", "pquery"),
        (b"GET INDEX P2P_DI_1.0\nHost h\nOS o\n\n", "index"),
        (b"GET index P2P_DI_1.0\nHost h\nOS o\n\nNULL\nNULL\n", "index"),
        (b"GET FILE P2P_DI_1.0\nHost h\nOS o\n\nREADME\n\n", "file"),
        (b"Leave NULL P2P_DI_1.0\nHost h\nOS o\n\ncookie:-1\nport:1\n", "leave"),
    ],
)
def test_messages(data: bytes, message: str) -> None:
    found = ONE.find(data)
    assert found is not None and found.message == message


def test_the_handout() -> None:
    found = HANDOUT.find(b"GET RFC 1149 P2P-DI/1.0\r\nHost: h\r\nOS: Mac OS 10.4.1\r\n\r\n")
    assert found is not None and (found.message, found.fields["number"]) == ("file", "1149")
    assert HANDOUT.find(REGISTER) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe", b"GET / HTTP/1.1\r\n\r\n", REGISTER.replace(b"4394", b"x"), REGISTER.replace(b"NULL", b"")],
)
def test_what_is_none(data: bytes) -> None:
    assert ONE.find(data) is None
