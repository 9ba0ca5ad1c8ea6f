"""Connections to addresses that strangers have named: whether they are made, and what is sent first."""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet import error
from twisted.internet import reactor as _reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from p2p_twisted.net import connect
from p2p_twisted.net import dialler as module
from p2p_twisted.net.dial_policy import DialPolicy
from p2p_twisted.net.dialler import Dialler
from p2p_twisted.net.errors import FetchError, Garbled, Stalled, Unreachable
from p2p_twisted.net.throttle import Throttle
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.messages import GetFile, Version
from tests.support.diallers import make_dialler, vouch
from tests.support.memory_network import Network, ScriptedFactory, Silent

HOLDER = ("10.0.1.1", 4001)
FIRST = b"GET INDEX P2P_DI_1.1\nHost 10.0.0.1\nOS "
HEAD_10 = b"200 OK P2P-CI/1.0\nHost: h\nOS: o\n\n"


def v11(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"%s P2P-CI/1.1\nHost: h\nOS: o\nLength: %d\n\n%s" % (status, len(body), body)


class Answering(Protocol):
    """Answers everything, and keeps the connection open."""

    factory: Any

    def dataReceived(self, data: bytes) -> None:
        self.factory.received.append(data)
        assert self.transport is not None
        self.transport.write(self.factory.answer)


class Case(SynchronousTestCase):
    """A dialler, and a network on which `serve` puts one holder."""

    def setUp(self) -> None:
        self.network = cast(Any, Network())
        self.dialler = make_dialler(self.network)
        self.downlink = Throttle(self.network, self.network.seconds, None)

    def serve(self, answer: bytes) -> Any:
        holder = self.network.servers[HOLDER] = Factory.forProtocol(Answering)
        vars(holder).update(answer=answer, received=[])
        return holder

    def dial(self, address: Address = HOLDER, seconds: float = 0) -> Any:
        """Return the connection to a holder, or the error."""
        outcome: list[Any] = []
        dialling = Deferred.fromCoroutine(self.dialler.dial_holder(address, self.downlink))
        dialling.addCallbacks(outcome.append, lambda failure: outcome.append(failure.value))
        self.network.settle()
        self.network.wait(seconds)
        return outcome[0]

    @property
    def dialled(self) -> list[Address]:
        return [address for _, address in self.network.dialled]


class FirstContact(Case):
    """The first message to an address that has not answered yet."""

    def test_a_holder_of_1_1(self) -> None:
        holder = self.serve(v11(b"a line\n"))
        connection = self.dial()
        self.assertEqual((connection.version, connection.usable), (Version.V11, True))
        [said] = holder.received
        self.assertTrue(said.startswith(FIRST), said)
        self.assertEqual((said.count(b"\n"), len(self.dialled)), (4, 1))

    def test_it_costs_no_round_trip_the_next_time(self) -> None:
        holder = self.serve(v11(b""))
        self.dial()
        self.assertIs(self.dial().version, Version.V11)
        self.assertEqual((len(holder.received), len(self.dialled)), (1, 2))

    def test_it_is_made_again_after_a_while(self) -> None:
        holder = self.serve(v11(b""))
        self.dial()
        self.network.advance(module.PROVEN_FOR)
        self.dial()
        self.assertEqual(len(holder.received), 2)

    def test_a_long_index_is_not_waited_for(self) -> None:
        self.serve(b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: %d\n\n" % (module.MAX_FIRST_INDEX + 1))
        connection = self.dial()
        self.assertEqual((connection.version, connection.usable, len(self.dialled)), (Version.V11, True, 2))

    def test_a_holder_of_1_0(self) -> None:
        holder = self.network.servers[HOLDER] = ScriptedFactory(HEAD_10 + b"index\n", HEAD_10 + b"a body")
        connection = self.dial()
        self.assertIsNone(connection.version)
        body: list[Any] = []
        connection.collect(GetFile("a.txt"), 100).addCallback(body.append)
        self.network.settle()
        self.assertEqual(body[0][1], b"a body")
        self.assertEqual([said.split(b"\n")[0][:9] for said in holder.received], [b"GET INDEX", b"GET FILE "])

    def test_a_refusal_is_an_answer(self) -> None:
        self.serve(v11(b"no\n", b"403 FORBIDDEN"))
        self.assertIs(self.dial().version, Version.V11)

    def test_services_that_are_no_peers_get_nothing_else(self) -> None:
        for answer in (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"220 mail ESMTP\r\n",
            b"SSH-2.0-x\r\n",
            b"-ERR\r\n",
            b"\0" * 99,
        ):
            service = self.serve(answer)
            self.dialler.backoff.answered(HOLDER)
            self.assertIsInstance(self.dial(seconds=module.ANSWER_TIMEOUT), Garbled | Stalled)
            [said] = service.received
            self.assertTrue(said.startswith(FIRST), said)

    def test_silence(self) -> None:
        self.network.servers[HOLDER] = Factory.forProtocol(Silent)
        self.assertIsInstance(self.dial(seconds=module.ANSWER_TIMEOUT), Stalled)

    def test_it_is_cancelled(self) -> None:
        holder = self.network.servers[HOLDER] = ScriptedFactory(b"")
        dialling = Deferred.fromCoroutine(self.dialler.dial_holder(HOLDER, self.downlink))
        dialling.addErrback(lambda _: None)
        self.network.settle()
        dialling.cancel()
        self.network.settle()
        self.assertEqual(len(holder.received), 1)

    def test_another_server_has_the_address_now(self) -> None:
        self.serve(v11(b""))
        self.dialler.garbled(self.dial())
        holder = self.serve(v11(b""))
        self.dial()
        self.assertEqual(len(holder.received), 1)


class BackOff(Case):
    """Addresses that could not be reached, for whatever download."""

    def test_it_is_not_dialled_again_at_once(self) -> None:
        first = self.dial()
        self.assertIsInstance(first, Unreachable)
        self.assertEqual(str(self.dial()), str(first))
        self.assertEqual(len(self.dialled), 1)
        self.network.advance(1)
        self.dial()
        self.assertEqual(len(self.dialled), 2)

    def test_one_that_answers_is_dialled_at_once(self) -> None:
        self.dial()
        self.network.advance(1)
        self.serve(v11(b""))
        self.dial()
        self.assertEqual(self.dialler.backoff.failures(HOLDER), 0)

    def test_one_that_is_no_peer_is_left_alone_too(self) -> None:
        self.serve(b"HTTP/1.1 400 Bad\nServer: x\nLength: 0\n\n")
        self.assertIsInstance(self.dial(), Garbled)
        self.dial()
        self.assertEqual(len(self.dialled), 1)


class Judged(Case):
    """Addresses that are not dialled at all."""

    def test_by_the_policy(self) -> None:
        for address in (("127.0.0.1", 4001), ("169.254.169.254", 4001), ("10.0.0.2", 80)):
            self.assertIsInstance(self.dial(address), Unreachable)
        self.assertEqual(self.dialled, [])

    def test_one_that_the_user_has_named(self) -> None:
        self.dialler.name([("127.0.0.1", 80)])
        self.assertEqual(type(self.dial(("127.0.0.1", 80)).__cause__), error.ConnectionRefusedError)

    def test_the_user_may_name_many(self) -> None:
        self.dialler.name([("127.0.0.1", port) for port in range(1, module.MAX_NAMED + 2)])
        self.assertIsNotNone(self.dialler.refusal(("127.0.0.1", 1)), "the first of too many")
        self.assertIsNone(self.dialler.refusal(("127.0.0.1", 2)))

    def test_nobody_vouches_for_it(self) -> None:
        async def nobody(address: Address) -> None:
            raise Unreachable("the RS does not list it")

        self.dialler = Dialler(self.network, DialPolicy([], list), nobody, self.network.seconds)
        self.assertIn("list", str(self.dial()))
        self.assertEqual(self.dialled, [])


class Silence:
    """A resolver that never answers."""

    def resolveHostName(self, receiver: Any, *rest: Any, **more: Any) -> Any:
        receiver.resolutionBegan(self)
        return self


class Resolver:
    """Resolves each name to `hosts`."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts

    def resolveHostName(self, receiver: Any, name: str, port: int = 0, *rest: Any, **more: Any) -> Any:
        receiver.resolutionBegan(self)
        for host in self.hosts:
            receiver.addressResolved(IPv4Address("TCP", host, more.get("portNumber", port)))
        receiver.resolutionComplete()
        return self


class Names(TestCase):
    """Host names that lead somewhere else than they should, over real sockets."""

    def setUp(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.addCleanup(self.listener.close)
        reactor: Any = _reactor
        before = reactor.installNameResolver(Resolver("127.0.0.1", "0.0.0.0"))
        self.addCleanup(reactor.installNameResolver, before)

    async def dial(self, near: str) -> Any:
        reactor: Any = _reactor
        dialler = Dialler(reactor, DialPolicy([], lambda: [near]), vouch, Clock().seconds)
        return await dialler.dial(("intranet.example", self.listener.getsockname()[1]))

    def test_to_an_address_that_is_not_dialled(self) -> Deferred[None]:
        async def talk() -> None:
            with self.assertRaises(FetchError) as caught:
                await self.dial("10.0.0.1")
            self.assertIn("no address", str(caught.exception))
            self.assertRaises(BlockingIOError, self.listener.accept)

        return Deferred.fromCoroutine(talk())

    def test_to_one_that_is(self) -> Deferred[None]:
        async def talk() -> None:
            connection = await self.dial("127.0.0.1")
            self.listener.accept()[0].close()
            connection.close()

        return Deferred.fromCoroutine(talk())

    def test_to_one_that_nobody_tells(self) -> Deferred[None]:
        """Or a list of such names would take all turns until the system gives up."""
        reactor: Any = _reactor
        reactor.installNameResolver(Silence())
        self.patch(connect, "NAME_TIMEOUT", 0.1)

        async def talk() -> None:
            with self.assertRaises(FetchError) as caught:
                await self.dial("127.0.0.1")
            self.assertIn("no connection within 0.1 s", str(caught.exception))

        return Deferred.fromCoroutine(talk())
