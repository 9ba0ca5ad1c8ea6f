"""The reactor that `twistd` gets, with real sockets, and in processes of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.interfaces import IReadDescriptor
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")

if sys.platform == "linux":
    from p2p_twisted.config.lean_reactor import LeanReactor


@implementer(IReadDescriptor)
class Reader:
    """Reads one byte at a time, and then does what it is told."""

    def __init__(self, reactor: Any, then: Callable[[], object] | None) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.read = 0
        self.lost: list[Any] = []
        self._then = then
        reactor.addReader(self)

    def fileno(self) -> int:
        return self.ours.fileno()

    def logPrefix(self) -> str:
        return "reader"

    def doRead(self) -> Any:
        self.read += len(self.ours.recv(1))
        return self._then() if self._then else None

    def connectionLost(self, reason: Any) -> None:
        self.lost.append(reason)
        raise RuntimeError("in connectionLost")

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


def fail() -> None:
    raise ValueError("in doRead")


class Handles(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = LeanReactor()
        self.readers: list[Reader] = []

    def tearDown(self) -> None:
        self.reactor.removeAll()
        for reader in self.readers:
            reader.close()

    def read(self, *then: Callable[[], object] | None) -> None:
        """Have a reader for each of `then`, to which two bytes come."""
        self.readers += [Reader(self.reactor, one) for one in then]
        for reader in self.readers:
            reader.theirs.send(b"ab")

    def test_an_error_ends_that_connection_and_no_other(self) -> None:
        self.read(fail, None, None)
        self.reactor.doIteration(0)
        self.reactor.doIteration(0)
        self.assertEqual([(one.read, len(one.lost)) for one in self.readers], [(1, 1), (2, 0), (2, 0)])
        self.assertEqual([str(one.value) for one in self.flushLoggedErrors()], ["in doRead", "in connectionLost"])

    def test_one_that_another_has_removed_meanwhile_is_left_alone(self) -> None:
        def remove_all() -> None:
            for reader in self.readers:
                self.reactor.removeReader(reader)

        self.read(remove_all, remove_all)
        self.reactor.doIteration(None)
        self.assertEqual(sum(one.read for one in self.readers), 1)


NAME = "from p2p_twisted.config.reactor import install_reactor; install_reactor()\n"
NAME += "from twisted.internet import reactor; print(type(reactor).__name__)"


@pytest.mark.parametrize(
    ("before", "name"),
    [("", "LeanReactor"), ("from twisted.internet import selectreactor as s; s.install()\n", "SelectReactor")],
)
def test_it_is_installed_unless_another_one_is(before: str, name: str) -> None:
    argv = (sys.executable, "-c", before + NAME)
    assert subprocess.run(argv, check=True, capture_output=True, text=True).stdout == f"{name}\n"
