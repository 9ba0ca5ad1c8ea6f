"""The connections to an engine: over TLS, and to the primary that sentinels name."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest import SkipTest

import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from p2p_twisted.registry import rules
from p2p_twisted.registry.record import Clocks
from p2p_twisted.registry.redis.check import check_engine
from p2p_twisted.registry.redis.engine import Engine, parse_engine
from p2p_twisted.registry.redis.store import RedisStore
from p2p_twisted.registry.store import StoreError
from tests.support.redis_server import RedisServer
from tests.support.rs_process import free_port
from tests.support.swarm_ca import SwarmCA

pytestmark = pytest.mark.slow

PREFIX = "p2p:"
FAILOVER = 30.0
"""Seconds in which sentinels find that the primary is down, and choose another one: theirs, not ours."""


class Links(TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def server(self, name: str, *options: str, config: str | None = None) -> RedisServer:
        """Start a server; `config`: of a sentinel."""
        folder = self.folder / name
        folder.mkdir()
        file = None
        if config is not None:
            file = folder / "sentinel.conf"
            file.write_text(config)
        server = RedisServer(folder, *options, config=file)
        self.addCleanup(server.kill)
        return server

    def store(self, engine: Engine) -> RedisStore:
        store = RedisStore(reactor, Clocks(), engine, PREFIX)
        store.start()
        self.addCleanup(store.close)
        return store


class TestTls(Links):
    async def test_an_engine_over_tls(self) -> None:
        ca, port = SwarmCA(self.folder / "ca"), free_port()
        own = ca.issue("redis")
        files = "--tls-cert-file", str(own / "cert.pem"), "--tls-key-file", str(own / "key.pem")
        options = *files, "--tls-ca-cert-file", str(own / "ca.pem"), "--tls-auth-clients", "no"
        try:
            self.server("redis", "--tls-port", str(port), *options)
        except AssertionError:
            raise SkipTest("the redis-server that is installed has no TLS") from None
        engine = parse_engine(f"rediss://127.0.0.1:{port}")
        with self.assertRaises(StoreError) as raised:
            check_engine(engine, PREFIX, 0)
        self.assertIn("name the file of the CA that signed its certificate in SSL_CERT_FILE", str(raised.exception))
        os.environ["SSL_CERT_FILE"] = str(own / "ca.pem")
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        check_engine(engine, PREFIX, 0)
        cookie = (await self.store(engine).apply(rules.register("10.0.0.1", 1))).cookie
        self.assertGreater(cookie, 0)
        with self.assertRaises(StoreError):
            await self.store(replace(engine, addresses=(("localhost", port),))).apply(rules.register("10.0.0.1", 2))


class TestSentinels(Links):
    async def test_the_store_follows_the_sentinels_to_another_primary(self) -> None:
        primary = self.server("primary")
        replica = self.server("replica", "--replicaof", "127.0.0.1", str(primary.port))
        config = f"sentinel monitor main 127.0.0.1 {primary.port} 1\nsentinel down-after-milliseconds main 300\n"
        sentinel = self.server("sentinel", config=config)
        store = self.store(parse_engine(f"redis+sentinel://127.0.0.1:{sentinel.port}/main"))
        cookie = (await store.apply(rules.register("10.0.0.1", 1))).cookie
        while replica.ask("HLEN", PREFIX + "records") != b":1" or b"1" not in sentinel.ask(
            "SENTINEL", "REPLICAS", "main"
        ):
            await deferLater(reactor, 0.1)
        primary.kill()
        end = reactor.seconds() + FAILOVER
        while True:
            try:
                await store.apply(rules.leave(cookie, 1, ["10.0.0.1"]))
                break
            except StoreError:
                self.assertLess(reactor.seconds(), end)
            await deferLater(reactor, 0.1)
        self.assertEqual(replica.ask("HLEN", PREFIX + "records"), b":1")
