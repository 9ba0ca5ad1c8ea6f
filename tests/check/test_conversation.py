"""A connection of a check: deadlines, and every way in which it ends."""

from __future__ import annotations

import socket
import time

import pytest

from p2p_twisted.check import conversation
from p2p_twisted.check.conversation import CLOSED, ENOUGH, SILENT, Conversation, Gone, Lost, Silent
from p2p_twisted.check.model import Failed
from p2p_twisted.check.transcript import Transcript
from tests.check.servers.base import Server
from tests.check.servers.canned import Canned


def connect(server: Server, timeout: float = 5.0, left: float = 30.0) -> Conversation:
    return Conversation(("127.0.0.1", server.port), Transcript(), timeout, time.monotonic() + left)


def events(made: Conversation) -> list[str]:
    return [entry.event for entry in made._transcript.entries]


class Resets(Server):
    """Resets the connection once something has come."""

    def serve(self, sock: socket.socket) -> None:
        sock.recv(4096)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_what_comes_is_collected_until_it_is_enough() -> None:
    with Canned(b"ab", b"cde") as server, connect(server) as made:
        made.send(b"?")
        assert made.fill(lambda data: len(data) >= 4) == ENOUGH
        assert (made.take(3), made.fill(lambda data: False), made.take(99)) == (b"abc", CLOSED, b"de")
        assert made.fill(lambda data: False) == CLOSED
    assert events(made)[0] == "opened" and events(made)[-1] == "closed by the server"


def test_silence_is_told_from_the_end() -> None:
    with Canned(b"ab", closes=False) as server, connect(server) as made:
        made.send(b"?")
        assert made.fill(lambda data: False, 0.1) == SILENT
        assert bytes(made.buffer) == b"ab"
        made.end_sending()
        made.end_sending()
        assert made.fill(lambda data: False) == CLOSED
    assert events(made).count("end of sending") == 1


def test_a_reset_is_lost() -> None:
    with Resets() as server, connect(server) as made:
        made.send(b"?")
        with pytest.raises(Lost, match="broke off the connection"):
            made.fill(lambda data: False)


def test_nobody_there() -> None:
    server = Canned()
    server.die()
    with pytest.raises(Gone, match="takes no connection"):
        connect(server)


def test_nothing_goes_on_after_the_deadline_of_the_check() -> None:
    with Canned(b"ab", closes=False) as server, connect(server, timeout=60.0, left=0.2) as made:
        made.send(b"?")
        assert made.fill(lambda data: False) == SILENT  # when the check is over, not after 60 s
        with pytest.raises(Failed, match="not over in time"):
            made.fill(lambda data: False)
        with pytest.raises(Failed, match="not over in time"):
            made.send(b"?")


def test_a_server_that_does_not_read_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with Conversation(address, Transcript(), 0.2, time.monotonic() + 30) as made, pytest.raises(Silent):
            made.send(bytes(64 * 2**20))


def test_what_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_RECEIVED", 1000)
    with Canned(bytes(5000)) as server, connect(server) as made:
        made.send(b"?")
        with pytest.raises(Failed, match="more than 1000 bytes"):
            made.fill(lambda data: False)


def test_own_address_and_reset() -> None:
    with Canned() as server, connect(server) as made:
        assert made.host == "127.0.0.1"
        made.reset()
    assert events(made)[-1] == "reset by this side"
