"""Checks at the start: each passes, or is refused in one line."""

from __future__ import annotations

import errno
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from p2p_twisted.config import startup
from p2p_twisted.config.settings import SettingsError
from p2p_twisted.config.startup import BACKLOG, PortService, StartError, listen, listen_tcp
from p2p_twisted.peer.service import PORTS
from p2p_twisted.wire.limits import RS_PORT

FACTORY = Factory.forProtocol(Protocol)


def test_a_peer_that_chooses_its_port_leaves_the_rs_its_own() -> None:
    assert RS_PORT not in PORTS


class Taken(MemoryReactorClock):
    """Nothing can be listened on."""

    def listenTCP(self, port, *args, **kwargs) -> None:
        raise CannotListenError("", port, OSError(errno.EADDRINUSE, "Address already in use"))


class Overflowing(MemoryReactorClock):
    def listenTCP(self, port, *args, **kwargs) -> None:
        raise OverflowError("bind(): port must be 0-65535.")


class Listen(SynchronousTestCase):
    def test_a_taken_port_is_named(self) -> None:
        error = self.assertRaises(StartError, listen, Taken(), "--listen", "tcp:7", FACTORY)
        self.assertEqual(
            str(error), "--listen tcp:7: Address already in use; choose another port, or stop the process that uses it"
        )

    def test_any_other_error_of_listening_is_one_line_too(self) -> None:
        error = self.assertRaises(StartError, listen, Overflowing(), "--listen", "tcp:65536", FACTORY)
        self.assertTrue(str(error).startswith("--listen tcp:65536: bind(): port must be 0-65535."))

    def test_an_invalid_endpoint_is_a_usage_error(self) -> None:
        for description in ("", "tcp", "tcp:", "tcp:x", "tpc:1", "ssl:1:privateKey=/no/such", "tcp:1:nonsense=2"):
            error = self.assertRaises(SettingsError, listen, MemoryReactorClock(), "--web", description, FACTORY)
            self.assertTrue(str(error).startswith("--web must be a Twisted endpoint such as tcp:65423, not "), error)

    def test_only_tcp_tells_who_calls(self) -> None:
        error = self.assertRaises(SettingsError, listen_tcp, MemoryReactorClock(), "--listen", "unix:a", FACTORY)
        self.assertIn("must be an endpoint on TCP", str(error))
        for description in ("tcp:7", "tcp6:7"):
            port = listen_tcp(MemoryReactorClock(), "--listen", description, FACTORY)
            self.assertEqual(cast(IPv4Address, port.getHost()).port, 7)

    def test_an_endpoint_that_takes_its_time_is_refused(self) -> None:
        class Late:
            def listen(self, factory):
                return Deferred()

        self.patch(startup, "serverFromString", lambda *_: Late())
        self.assertRaises(StartError, listen, MemoryReactorClock(), "--listen", "late:1", FACTORY)

    def test_the_backlog_is_long_unless_given(self) -> None:
        memory = MemoryReactorClock()
        for description in ("tcp:1", "tcp:1:backlog=7"):
            listen(memory, "--listen", description, FACTORY)
        self.assertEqual([server[2] for server in memory.tcpServers], [BACKLOG, 7])

    def test_a_port_closes_with_its_service(self) -> None:
        closed = []
        port = listen(MemoryReactorClock(), "--listen", "tcp:7", FACTORY)
        port.stopListening = lambda: closed.append(port)
        service = PortService(port)
        service.startService()
        self.assertEqual(closed, [])
        service.stopService()
        self.assertEqual(closed, [port])
