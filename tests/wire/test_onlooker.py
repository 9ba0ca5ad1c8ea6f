"""Messages as somebody sees them who looks on."""

from __future__ import annotations

import pytest

from p2p_twisted.wire.onlooker import MAX_BODY_KEPT, MAX_HEAD_KEPT, Onlooker, RequestOnlooker, ResponseOnlooker

REGISTER = b"Register NULL P2P_DI_1.0\nHost 10.0.0.1\nOS Linux\n\ncookie:\nport:65400\n"
FILE = b"GET FILE P2P_DI_1.1\nHost: a\nOS: b\n\nrfc1\ntxt\n"
FOUND = b"200 OK P2P_DI_1.1\nHost: a\nOS: b\nLength: 5\n\nhello"
OLD = b"200 OK P2P_DI_1.0\nHost: a\nOS: b\n\n"


def seen(onlooker: Onlooker, data: bytes, step: int) -> list[tuple[str, bytes, bytes, int]]:
    parts = [data[at : at + step] for at in range(0, len(data), step)]
    found = [message for number, part in enumerate(parts) for message in onlooker.feed(part, float(number))]
    return [(message.kind, message.head, message.body, message.length) for message in [*found, *onlooker.end(1e6)]]


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_requests_are_told_apart_wherever_they_are_cut(step: int) -> None:
    assert seen(RequestOnlooker(), REGISTER + FILE + REGISTER, step) == [
        ("request", REGISTER, b"", 0),
        ("request", FILE, b"", 0),
        ("request", REGISTER, b"", 0),
    ]


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_body_is_as_long_as_the_head_says_or_until_the_end(step: int) -> None:
    head, _, _ = FOUND.partition(b"hello")
    assert seen(ResponseOnlooker(), FOUND + FOUND + OLD + b"bytes", step) == [
        ("response", head, b"hello", 5),
        ("response", head, b"hello", 5),
        ("response", OLD, b"bytes", 5),
    ]


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n" + b"x" * 10_000, b"x" * 100_000, b"\n" * 9])
def test_what_is_no_message_is_the_last_and_not_kept_whole(data: bytes, step: int) -> None:
    [request, (kind, head, _, _)] = seen(RequestOnlooker(), REGISTER + data, step)
    assert request == ("request", REGISTER, b"", 0)
    assert kind == "garbage"
    assert 0 < len(head) <= MAX_HEAD_KEPT
    assert data.startswith(head)


def test_a_message_that_is_cut_off_is_told_of() -> None:
    assert seen(RequestOnlooker(), REGISTER[:30], 8) == [("request", REGISTER[:30], b"", 0)]
    assert seen(ResponseOnlooker(), FOUND[:-2], 8)[0][2:] == (b"hel", 3)


def test_little_of_a_long_body_is_kept() -> None:
    head = FOUND.replace(b"Length: 5", b"Length: 100000").partition(b"hello")[0]
    [(_, _, body, length)] = seen(ResponseOnlooker(), head + b"y" * 100_000, 4096)
    assert (body, length) == (b"y" * MAX_BODY_KEPT, 100_000)


def test_times_are_of_the_first_and_the_last_byte() -> None:
    onlooker = ResponseOnlooker()
    assert list(onlooker.feed(FOUND[:10], 1.0)) == []
    [message] = onlooker.feed(FOUND[10:], 3.0)
    assert (message.began, message.ended) == (1.0, 3.0)
