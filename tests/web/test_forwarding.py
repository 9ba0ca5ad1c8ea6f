"""Calls of another process on its control socket: against a real site, and against what is none."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from p2p_twisted.web import forwarding
from p2p_twisted.web.api.rs import peer_records, rs_root
from p2p_twisted.web.api.rs_schema import RsStatus
from p2p_twisted.web.api.schema import Settings
from p2p_twisted.web.control_client import SOCKET_FILE
from p2p_twisted.web.forwarding import CallFailed, CallRefused, ForwardedCalls
from p2p_twisted.web.service import makeApiService
from tests.support.fake_facades import an_rs_status
from tests.support.registries import SynchronousRegistry

reactor: Any = installed


class Calls(TestCase):
    timeout = 30

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="p2p-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.calls = ForwardedCalls(reactor, self.folder)

    async def listen(self, answer: bytes | None) -> None:
        """Listen with a server that sends `answer` to whatever comes, and closes; None: it never does."""

        class Server(Protocol):
            def dataReceived(self, data: bytes) -> None:
                if answer is not None and self.transport is not None:
                    self.transport.write(answer)
                    self.transport.loseConnection()

        endpoint = UNIXServerEndpoint(reactor, os.fspath(self.folder / SOCKET_FILE))
        port = await endpoint.listen(Factory.forProtocol(Server))
        self.addCleanup(port.stopListening)

    async def refusal(self, call: str = "status") -> str:
        try:
            await self.calls.get(call)
        except CallFailed as error:
            return str(error)
        self.fail("it was answered")

    async def test_a_site_answers(self) -> None:
        registry = SynchronousRegistry()
        for port in (1, 2, 3):
            registry.register("10.0.0.1", port, None, wide=False)
        root = rs_root(partial(peer_records, registry.store), an_rs_status, Settings([]))
        service = makeApiService(reactor, None, self.folder, root)
        service.startService()
        self.addCleanup(service.stopService)
        self.assertEqual(RsStatus(**await self.calls.get("status")), await an_rs_status())
        page = await self.calls.get("peers", limit=1, offset=2)
        self.assertEqual((page["total"], [item["port"] for item in page["items"]]), (3, [3]))
        for call, status in ("nothing", 404), ("peers?sort=x", 400):
            with self.assertRaises(CallRefused) as refused:
                await self.calls.get(call)
            self.assertEqual(refused.exception.status, status)
            self.assertTrue(refused.exception.text)

    async def test_nobody_there(self) -> None:
        self.assertTrue(await self.refusal())

    async def test_what_is_no_answer(self) -> None:
        await self.listen(b"rubbish")
        self.assertIn("rubbish", await self.refusal())

    async def test_an_answer_that_is_cut_off(self) -> None:
        await self.listen(b'HTTP/1.0 200 OK\r\n\r\n{"role": ')
        self.assertTrue(await self.refusal())

    async def test_an_answer_without_end(self) -> None:
        self.patch(forwarding, "MAX_ANSWER", 10_000)
        await self.listen(b"x" * 10**6)
        self.assertTrue(await self.refusal())

    async def test_one_that_does_not_answer(self) -> None:
        self.patch(forwarding, "CALL_TIMEOUT", 0.1)
        await self.listen(None)
        self.assertTrue(await self.refusal())
        left: Deferred[None] = Deferred()
        reactor.callLater(0.05, left.callback, None)  # the connection is aborted
        await left
