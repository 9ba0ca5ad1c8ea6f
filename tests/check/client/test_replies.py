"""Answers to a client are written as a profile spells them."""

from __future__ import annotations

from p2p_twisted.check.client.documents import DOCUMENTS
from p2p_twisted.check.client.replies import data, reply
from p2p_twisted.check.profile_files import load

ONE, HANDOUT = load("1.0"), load("p2p-di")


def test_1_0() -> None:
    head, body = reply(ONE, "ok", data(ONE, "register", [{"cookie": "4"}]))
    assert head + body == b"200 OK P2P-CI/1.0\nHost: 127.0.0.1\nOS: p2p check\n\ncookie:4\n"
    head, body = reply(ONE, "not_registered", text="no")
    assert head + body == b"403 FORBIDDEN P2P-CI/1.0\nHost: 127.0.0.1\nOS: p2p check\n\nno\n"
    assert data(ONE, "pquery", [{"address": "127.0.0.1", "port": 4394}]) == b"127.0.0.1 4394\n"
    record = DOCUMENTS[0].record(4394, "127.0.0.1")
    assert data(ONE, "index", [record]) == f"rfc9990\ttxt\t{DOCUMENTS[0].title}\t127.0.0.1\t4394\t7200\n".encode()


def test_line_ends() -> None:
    head, body = reply(ONE, "ok", data(ONE, "pquery", [{"address": "a", "port": 1}], crlf=True), crlf=True)
    assert (head + body).count(b"\r\n") == (head + body).count(b"\n") == 5


def test_the_handout() -> None:
    head, body = reply(HANDOUT, "ok", data(HANDOUT, "index", [DOCUMENTS[0].record(4394, "127.0.0.1")]))
    assert head == b"P2P-DI/1.0 200 OK\r\n\r\n"
    assert body == f"9990\t{DOCUMENTS[0].title}\t127.0.0.1\t7200\r\n".encode()
    assert reply(HANDOUT, "not_found", text="no")[0].startswith(b"P2P-DI/1.0 404 ")
