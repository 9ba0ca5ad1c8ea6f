"""The connections to the engine: one for commands, and one that waits for changes of the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import txredisapi
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS

from ...wire.address import Address
from ..store import StoreError
from .coding import Position, Timeline, encode_position
from .engine import Engine
from .errors import engine_error
from .handshake import Handshake, Unsuitable, ask_sentinel, handshake
from .scripts import NAMES, digest

CONNECT_TIMEOUT = 2.0
"""Seconds for a connection to be made."""

REPLY_TIMEOUT = 3.0
"""Seconds for a reply, after which the connection is given up; more than BLOCK_TIME."""

BLOCK_TIME = 1.0
"""Seconds for which the engine holds back the answer about new changes while there are none."""

MAX_ENTRIES = 200
"""Most changes that are read at a time."""

_USELESS = ("READONLY", "NOSCRIPT", "LOADING")
"""The beginnings of errors after which only a new connection helps: another primary, or a new handshake."""

T = TypeVar("T")


class Connection:
    """A connection to the engine. Each reply is bytes, int, None, or a list of these."""

    def __init__(self, engine: Engine, protocol: Any) -> None:
        self._engine = engine
        self._protocol = protocol
        self._closed: Deferred[None] = protocol.whenDisconnected().addCallback(lambda _: None)

    async def ask(self, *command: str | bytes | int) -> Any:
        """Send a command; return the reply. Raises StoreError if it is an error, or if there is none."""
        try:
            return await self._protocol.execute_command(*command)
        except txredisapi.RedisError as error:
            if str(error).startswith(_USELESS):
                self.abort()
            raise engine_error(self._engine, str(error)) from None

    async def run(self, steps: Handshake[T]) -> T:
        """Run a handshake; return its result. Raises StoreError."""
        reply = None
        try:
            while True:
                reply = await self.ask(*steps.send(reply))
        except StopIteration as done:
            result: T = done.value
            return result
        except Unsuitable as error:
            raise StoreError(f"{self._engine}: {error}") from None

    def abort(self) -> Deferred[None]:
        """Close the connection at once; what waits for a reply fails. The Deferred fires when it is closed."""
        self._protocol.transport.abortConnection()
        return self._closed


class _Factory(Factory):
    noisy = False

    def buildProtocol(self, addr: object) -> Any:
        protocol = txredisapi.RedisProtocol(charset=None, replyTimeout=REPLY_TIMEOUT, convertNumbers=False)
        protocol.factory = self
        return protocol


class Link:
    """Both connections to the engine, ready for use. `timeline`: its clock."""

    def __init__(self, prefix: str, commands: Connection, follower: Connection, timeline: Timeline) -> None:
        self._prefix = prefix
        self._keys = [prefix + name for name in NAMES]
        self._commands = commands
        self._follower = follower
        self.timeline = timeline

    def key(self, name: str) -> str:
        """Return the key of the registry that has this name after the prefix."""
        return self._prefix + name

    async def command(self, *command: str | bytes | int) -> Any:
        """Send a command about the keys; return the reply. Raises StoreError."""
        return await self._commands.ask(*command)

    async def script(self, script: str, *arguments: str | bytes | int) -> Any:
        """Run a script of `scripts`; return its reply. Raises StoreError."""
        return await self._commands.ask("EVALSHA", digest(script), len(self._keys), *self._keys, *arguments)

    async def changes(self, position: Position) -> list[tuple[bytes, list[bytes]]]:
        """Wait for entries of the log after `position`; return them, none if none came in time. Raises StoreError."""
        block = int(BLOCK_TIME * 1000)
        reply = await self._follower.ask(
            "XREAD", "COUNT", MAX_ENTRIES, "BLOCK", block, "STREAMS", self._keys[-1], encode_position(position)
        )
        return [(name, members) for _, entries in reply or () for name, members in entries]

    async def abort(self) -> None:
        """Close both connections at once, and wait until they are closed."""
        closed = [connection.abort() for connection in (self._commands, self._follower)]
        for one in closed:
            await one


class Linker:
    """Makes links to an engine. `monotonic`: the clock that the engine's one is compared with."""

    def __init__(self, reactor: Any, engine: Engine, prefix: str, monotonic: Callable[[], float]) -> None:
        self._reactor = reactor
        self._engine = engine
        self._prefix = prefix
        self._monotonic = monotonic

    async def link(self) -> Link:
        """Connect twice, and log in. Raises StoreError."""
        address = await self._primary() if self._engine.master else self._engine.addresses[0]
        follower, _ = await self._log_in(address)
        try:
            commands, offset = await self._log_in(address)
        except BaseException:
            await follower.abort()
            raise
        return Link(self._prefix, commands, follower, Timeline(offset))

    async def _primary(self) -> Address:
        error = StoreError(f"{self._engine}: it has no sentinels")
        for address in self._engine.addresses:
            try:
                return await self._asked(address)
            except StoreError as failed:
                error = failed
        raise error

    async def _asked(self, address: Address) -> Address:
        sentinel = await self._connect(address)
        try:
            return await sentinel.run(ask_sentinel(self._engine))
        finally:
            await sentinel.abort()

    async def _log_in(self, address: Address) -> tuple[Connection, float]:
        """Return a connection, and by how many seconds the engine's clock is ahead of `monotonic`."""
        connection = await self._connect(address)
        try:
            time = await connection.run(handshake(self._engine, self._prefix))
        except BaseException:
            await connection.abort()
            raise
        return connection, time - self._monotonic()

    async def _connect(self, address: Address) -> Connection:
        endpoint: IStreamClientEndpoint = HostnameEndpoint(self._reactor, *address, timeout=CONNECT_TIMEOUT)
        if self._engine.tls:
            endpoint = wrapClientTLS(optionsForClientTLS(address[0]), endpoint)
        try:
            return Connection(self._engine, await endpoint.connect(_Factory()))
        except (ConnectError, OSError) as error:
            raise engine_error(self._engine, str(error)) from None
