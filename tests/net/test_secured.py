"""TLS where it is not installed, or its folder cannot be used; and what a connection costs before its handshake."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import TestCase

from p2p_twisted.config.startup import StartError
from p2p_twisted.net.connect import dial
from p2p_twisted.net.factory import RequestFactory
from p2p_twisted.net.secured import HANDSHAKE_TIMEOUT, WARNING_INTERVAL, open_tls, warn_of_the_end
from p2p_twisted.net.server import RequestConnection
from p2p_twisted.net.tls import Tls
from tests.support.captured_log import captured_log
from tests.support.swarm_ca import DAY, SwarmCA
from tests.support.twistd import ROOT, TWISTD

reactor: Any = _reactor


def test_without_a_folder_there_is_no_tls() -> None:
    assert open_tls(None) is None


def test_a_folder_that_is_not_usable(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=rf"^--tls: {tmp_path}/ca.pem: No such file or directory; "):
        open_tls(tmp_path)


def test_each_day_it_says_what_ends_soon(tmp_path: Path) -> None:
    ca, clock = SwarmCA(tmp_path), MemoryReactorClock()
    for name, end in (("alice", 20 * DAY), ("bob", 40 * DAY)):
        warn_of_the_end(clock, Tls(ca.dated(name, -DAY, end)))
    with captured_log() as log:
        clock.run()
        clock.pump([WARNING_INTERVAL] * 2)
    warnings = [event["warning"] for event in log if "warning" in event]
    assert len(warnings) == 3 and all(line.startswith("cert.pem ends on ") for line in warnings)


HIDE = "import sys; sys.modules.update(dict.fromkeys(('OpenSSL', 'cryptography', 'service_identity')));"


def without_libraries(program: str, *arguments: str) -> tuple[int, str]:
    """Run `program` where the libraries of TLS are not installed; return its exit status and stderr."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HIDE + program, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["p2p-rs", "p2p-peer"])
def test_without_its_libraries_tls_is_one_line(tmp_path: Path, verb: str) -> None:
    more = [] if verb == "p2p-rs" else ["--rs-host", "127.0.0.1"]
    arguments = ["-n", "--pidfile=", verb, "--state-dir", str(tmp_path / "s"), *more, "--tls", str(tmp_path)]
    remedy = f"{sys.executable} -m pip install -e '{ROOT}[tls]'"
    line = f"{verb}: cryptography, pyOpenSSL and service-identity are not installed: {remedy}\n"
    assert without_libraries(TWISTD[2], *arguments) == (1, line)


def test_without_its_libraries_all_else_is_there() -> None:
    assert without_libraries("import p2p_twisted.rs.tap, p2p_twisted.peer.tap, p2p_twisted.cli.own_peer") == (0, "")


class Handshakes(TestCase):
    """A server under TLS with two places, and ends of connections that do not go on with the handshake."""

    timeout = 30

    def setUp(self) -> None:
        self.tls = Tls(SwarmCA(Path(self.mktemp()).absolute()).issue("member"))
        self.clock = Clock()
        self.factory = RequestFactory(self.clock, 2, 2)
        self.factory.protocol = RequestConnection
        port = reactor.listenTCP(0, self.tls.serve(self.factory), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.address = "127.0.0.1", port.getHost().port

    async def until(self, count: int) -> None:
        while len(self.factory.connections) != count:
            await deferLater(reactor, 0.01)

    def test_they_count_against_the_limits_until_they_are_late(self) -> Deferred[None]:
        sockets = [socket.create_connection(self.address, 20) for _ in range(2)]

        async def talk() -> None:
            await self.until(2)
            self.clock.pump([1] * (HANDSHAKE_TIMEOUT - 1))
            self.assertEqual(len(self.factory.connections), 2)
            sockets.append(socket.create_connection(self.address, 20))
            await deferLater(reactor, 0.1)
            self.assertEqual(len(self.factory.connections), 2)
            self.clock.pump([1] * HANDSHAKE_TIMEOUT)
            await self.until(0)
            for one in sockets:
                one.close()

        return Deferred.fromCoroutine(talk())

    def test_a_dial_that_is_cancelled_ends_its_connection(self) -> Deferred[None]:
        async def talk() -> None:
            with socket.create_server(("127.0.0.1", 0)) as silent:
                silent.settimeout(20)
                dialling = Deferred.fromCoroutine(dial(reactor, silent.getsockname(), tls=self.tls))
                await deferLater(reactor, 0.1)
                plain, _ = silent.accept()
                dialling.cancel()
                with self.assertRaises(CancelledError):
                    await dialling
                await deferLater(reactor, 0.05)
                with plain:
                    self.assertTrue(plain.recv(65536).startswith(b"\x16"))
                    with self.assertRaises(ConnectionResetError):
                        plain.recv(65536)

        return Deferred.fromCoroutine(talk())
