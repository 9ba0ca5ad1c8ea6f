"""Messages on one line."""

from __future__ import annotations

import pytest

from p2p_twisted.wire.onlooker import SeenMessage
from p2p_twisted.wire.summary import MAX_SUMMARY, summary

ENVELOPE = b"Host: a\nOS: b\n"


@pytest.mark.parametrize(
    ("kind", "head", "length", "text"),
    [
        (
            "request",
            b"Register NULL P2P_DI_1.0\n" + ENVELOPE + b"\ncookie:\nport:65400\n",
            0,
            "Register cookie: port:65400",
        ),
        ("request", b"GET FILE P2P_DI_1.1\n" + ENVELOPE + b"\nrfc1\ntxt\n", 0, "GET FILE rfc1 txt"),
        ("request", b"GET RFC 8446 P2P-DI/1.0\r\n" + ENVELOPE + b"\r\n", 0, "GET RFC 8446"),
        ("request", b"GET FI", 0, "GET"),
        ("response", b"200 OK P2P_DI_1.1\n" + ENVELOPE + b"Length: 5\n\n", 12345, "200 OK, 12 345 bytes"),
        ("response", b"300 Bad Request P2P_DI_1.0\n" + ENVELOPE + b"\n", 0, "300 Bad Request"),
        ("response", b"200 OK P2P_DI_1.1\nRange: 0-4/9\n\n", 5, "200 OK, Range: 0-4/9, 5 bytes"),
        ("garbage", b"GET / HTTP/1.1\r\n", 0, "not of this protocol: GET / HTTP/1.1"),
        ("garbage", b"\x1b[2J\xff", 0, "not of this protocol: \\x1b[2J\\xff"),
        ("response", b"", 0, ""),
    ],
)
def test_a_message_on_one_line(kind: str, head: bytes, length: int, text: str) -> None:
    assert summary(SeenMessage(kind, 0.0, head=head, length=length)) == text


def test_a_long_one_is_cut() -> None:
    assert len(summary(SeenMessage("request", 0.0, head=b"a" * 5000))) == MAX_SUMMARY
