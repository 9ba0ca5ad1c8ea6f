"""What an RS says, and what it should not say; pure."""

from __future__ import annotations

import pytest

from p2p_twisted.net.errors import Garbled
from p2p_twisted.peer.peers.rs_answers import MIN_TTL, given_cookie, told_ttl
from p2p_twisted.wire.limits import MAX_COOKIE, TTL


@pytest.mark.parametrize(
    ("body", "cookie"), [("cookie:4\n", 4), ("cookie: 7\r\n", 7), (f"cookie:{MAX_COOKIE}", MAX_COOKIE)]
)
def test_the_cookie(body: str, cookie: int) -> None:
    assert given_cookie(body) == cookie


@pytest.mark.parametrize("body", ["", "cookie:", "4", "cookie:x", "cookie:-1", f"cookie:{MAX_COOKIE + 1}", "port:4"])
def test_no_cookie(body: str) -> None:
    with pytest.raises(Garbled):
        given_cookie(body)


@pytest.mark.parametrize(
    ("body", "ttl"),
    [
        ("you have been renewed! TTL is 60 seconds\n", 60),
        ("TTL is 1 seconds", MIN_TTL),
        ("TTL is -7 seconds", TTL),
        (f"TTL is {'9' * 1000} seconds", TTL),
        ("", TTL),
    ],
)
def test_the_ttl(body: str, ttl: int) -> None:
    assert told_ttl(body) == ttl
