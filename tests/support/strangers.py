"""Strangers: members like any other that say and send what a script tells them to, over real sockets.

A `Crowd` is one thread for any number of them. Each has an address of its own (any of 127.0.0.0/8, or of its network
namespace), which is where its connections come from as well::

    with Crowd(rs=("127.0.0.1", 65423)) as crowd:
        liar = crowd.add(Plan(rows=[row(false_record)], contents={sha256: b"wrong"}), host="127.0.0.9")
        liar.hello(("127.0.0.1", 65400))

The rows are those of `tests.support.invented_rows`.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, TypeVar

from p2p_twisted.library.pieces import DIGEST, piece_range
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.encode import encode_response
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.messages import GetFile, GetIndex, GetNext, GetPieces, Hello, Message, Request, Response, Version
from p2p_twisted.wire.parser import RequestParser
from tests.support.invented_rows import Flood
from tests.support.stranger_client import CHUNK, WAIT_TIMEOUT, StrangerClient

MAX_REQUESTS = 10_000
"""The last ones are kept."""
FOREVER = 86400
"""Seconds."""
OK, NOT_FOUND, FORBIDDEN = 200, 100, 403
T = TypeVar("T")


class How(Enum):
    """What becomes of a request."""

    ANSWER = "as the plan says"
    REFUSE = "403"
    CLOSE = "the connection is closed at once"
    SILENT = "nothing comes, and the connection stays"
    DRIP = "the answer comes, one byte a second"


@dataclass
class Plan:
    """The script of one stranger; it may be changed while it runs."""

    rows: Iterable[bytes] = ()
    """The lines of its index with their ends: see `invented_rows`. Iterated anew for each answer."""
    pushes: Iterable[bytes] = ()
    """The bodies that it sends to each follower, lines of changes; empty ones too."""
    push_interval: float = 0.0
    """Seconds from one to the next."""
    hangs_up: bool = False
    """Whether a follower's connection ends after the last push."""
    index_version: str = "stranger.1"
    """The version of its index: with the same one again, a follower is told that nothing has changed."""
    contents: Mapping[str, bytes] = field(default_factory=dict)
    """What it sends for a GET FILE: by SHA-256 or, where that is not asked for, by name."""
    piece_lists: Mapping[str, bytes] = field(default_factory=dict)
    """Digests one after the other, by the SHA-256 of the file."""
    version: Version = Version.V11
    index: How = How.ANSWER
    file: How = How.ANSWER
    """For GET FILE, GET NEXT and GET PIECES."""


class Stranger(StrangerClient):
    """A member at `address`. `requests`: the last ones that came; `received` and `sent` are bytes."""

    def __init__(self, plan: Plan, rs: Address | None, listener: socket.socket) -> None:
        super().__init__(listener.getsockname()[:2], rs)
        self.plan = plan
        self.requests: deque[Message] = deque(maxlen=MAX_REQUESTS)
        self.connections = 0
        self.received = 0
        self.sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, then close it."""
        self.connections += 1
        parser = RequestParser()
        try:
            while line := await reader.readline():
                self.received += len(line)
                request = parser.line(line.removesuffix(b"\n"))
                if request is not None:
                    self.requests.append(request.message)
                    if not await self._answer(request, writer):
                        break
        except (OSError, BadRequest, ValueError, asyncio.CancelledError):
            pass  # the other side has closed or does not speak the protocol, or the crowd is over
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; returns whether the connection stays open."""
        message = request.message
        how = self.plan.index if isinstance(message, GetIndex | Hello) else self.plan.file
        if how is How.CLOSE:
            return False
        if how is How.SILENT:
            await asyncio.sleep(FOREVER)
        version = Version.V10 if Version.V10 in (self.plan.version, request.version) else Version.V11
        head = Response(OK, version, self.address[0], "Linux")
        if how is How.REFUSE:
            await self._send(writer, replace(head, status=FORBIDDEN), [b"no\n"])
        else:
            await self._send(writer, *self._made(message, head), drip=how is How.DRIP)
        if isinstance(message, GetIndex) and message.follow:
            await self._push(writer, head)
            return False
        return version is Version.V11

    def _made(self, message: Message, head: Response) -> tuple[Response, Iterable[bytes]]:
        if isinstance(message, GetIndex):
            index = self.plan.index_version
            known = message.since == index
            return replace(head, index=index, since=index if known else None), () if known else self.plan.rows
        if isinstance(message, GetPieces) and message.sha256 in self.plan.piece_lists:
            digests = self.plan.piece_lists[message.sha256]
            return head, [b"%s\n" % digests[at : at + DIGEST].hex().encode() for at in range(0, len(digests), DIGEST)]
        if isinstance(message, GetFile | GetNext):
            return self._content(message, head)
        return (head, ()) if isinstance(message, Hello) else (replace(head, status=NOT_FOUND), [b"not here\n"])

    def _content(self, message: GetFile | GetNext, head: Response) -> tuple[Response, Iterable[bytes]]:
        next_of = message.wants[0][0] if isinstance(message, GetNext) else None
        key = next_of or (message.sha256 or message.name if isinstance(message, GetFile) else "")
        data = self.plan.contents.get(key)
        if data is None:
            return replace(head, status=NOT_FOUND), [b"not here\n"]
        head = replace(head, size=len(data), sha256=key if len(key) == 64 else None)
        byte_range = message.byte_range if isinstance(message, GetFile) else None
        if isinstance(message, GetNext):
            first, length = piece_range(len(data), message.wants[0][1][0][0])
            byte_range = first, first + length - 1
        sent = data if byte_range is None else data[byte_range[0] : byte_range[1] + 1]
        return replace(head, byte_range=byte_range), [sent]

    async def _push(self, writer: asyncio.StreamWriter, head: Response) -> None:
        plan = self.plan
        for body in plan.pushes:
            await asyncio.sleep(plan.push_interval)
            await self._send(
                writer, replace(head, index=plan.index_version, since=plan.index_version), [body] if body else []
            )
        if not plan.hangs_up:
            await asyncio.sleep(FOREVER)

    async def _send(
        self, writer: asyncio.StreamWriter, head: Response, parts: Iterable[bytes], drip: bool = False
    ) -> None:
        """Send an answer, no faster than it is read."""
        if head.version is Version.V11:
            head = replace(head, length=parts.size if isinstance(parts, Flood) else sum(map(len, parts)))
        elif head.status == OK:
            head = Response(head.status, head.version, head.host, head.os)
        pending = encode_response(head)
        for part in parts.blocks() if isinstance(parts, Flood) else parts:
            pending += part
            if len(pending) >= CHUNK and not drip:
                await self._write(writer, pending)
                pending = b""
        for at in range(0, len(pending), 1 if drip else max(len(pending), 1)):
            await self._write(writer, pending[at : at + 1] if drip else pending)
            await asyncio.sleep(1 if drip else 0)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()
        self.sent += len(data)


class Crowd:
    """Strangers that run until the end of the block; `rs` is where they register."""

    def __init__(self, rs: Address | None = None) -> None:
        self.strangers: list[Stranger] = []
        self._rs = rs
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def add(self, plan: Plan | None = None, host: str = "127.0.0.1", port: int = 0) -> Stranger:
        """Return a new stranger that listens at `host`, and is registered if the crowd has an RS. Raises OSError."""
        listener = socket.create_server((host, port), backlog=1000)
        stranger = Stranger(plan or Plan(), self._rs, listener)
        self._servers.append(self._run(asyncio.start_server(stranger.serve, sock=listener)))
        self.strangers.append(stranger)
        if self._rs is not None:
            stranger.register()
        return stranger

    def hang_up(self) -> None:
        """Let nobody be there any more: end all connections, and take no others."""
        for server in self._servers:
            self._loop.call_soon_threadsafe(server.close)
        self._run(_cancel_all())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_TIMEOUT)

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_TIMEOUT)
        self._loop.close()


async def _cancel_all() -> None:
    """End all tasks, also those that begin meanwhile."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
