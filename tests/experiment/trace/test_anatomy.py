"""The parts of messages by their names."""

from __future__ import annotations

import pytest

from p2p_twisted.experiment.trace.anatomy import DATA, HEADERS, METHODS, STATUSES, anatomy
from p2p_twisted.wire.errors import PHRASES
from p2p_twisted.wire.parser import METHODS as WIRE_METHODS

REGISTER = "Register NULL P2P_DI_1.1\nHost: 10.0.0.1\nOS: Linux\n\ncookie:17\nport:65400\n"
ANSWER = "200 OK P2P_DI_1.0\nHost: 10.0.0.2\nOS: Linux\nLength: 5\n\n"
HANDOUT = "P2P-DI/1.0 404 Not Found\r\nHost: a\r\n\r\n"


def named(kind: str, head: str) -> list[tuple[str, str]]:
    parts = anatomy(kind, head)
    assert "".join(part.text for part in parts) == head
    return [(part.text, part.name) for part in parts]


def test_a_request() -> None:
    assert named("request", REGISTER)[:5] == [
        ("Register NULL ", "method and document"),
        ("P2P_DI_1.1", "version"),
        ("\n", "end of line"),
        ("Host", "header"),
        (": 10.0.0.1\n", "value"),
    ]
    assert named("request", REGISTER)[-3:] == [
        ("\n", "empty line"),
        ("cookie:17\n", "data line"),
        ("port:65400\n", "data line"),
    ]


def test_a_response_and_one_in_the_form_of_the_handout() -> None:
    assert named("response", ANSWER)[:4] == [
        ("200 ", "status code"),
        ("OK ", "phrase"),
        ("P2P_DI_1.0", "version"),
        ("\n", "end of line"),
    ]
    assert named("response", HANDOUT)[:4] == [
        ("P2P-DI/1.0 ", "version"),
        ("404 ", "status code"),
        ("Not Found", "phrase"),
        ("\r\n", "end of line"),
    ]


@pytest.mark.parametrize("kind", ["request", "response", "garbage"])
@pytest.mark.parametrize("head", ["", "\n", "GET FILE", "\n\n\n", "P2P", "a:b\nc\x85d", "200\n:\n\n", REGISTER[:40]])
def test_nothing_is_lost_of_what_is_cut_or_odd(kind: str, head: str) -> None:
    named(kind, head)


def test_every_method_and_status_is_explained() -> None:
    assert {method.removesuffix(" NULL") for method in WIRE_METHODS} <= METHODS.keys()
    assert {str(code) for code in PHRASES} == STATUSES.keys()
    assert all(part.meaning for part in anatomy("request", REGISTER) if part.name in ("header", "data line"))
    assert not any(text.endswith(".") for table in (METHODS, HEADERS, DATA) for text in table.values())
