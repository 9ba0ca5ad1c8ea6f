"""Peers with nothing but an index: they register, announce documents, and then disappear in one of three ways."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from typing import Any

from p2p_twisted.wire.encode import encode_request, encode_response
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.messages import GetIndex, Message, Register, Request, Response, Version
from p2p_twisted.wire.parser import RequestParser
from p2p_twisted.wire.records import IndexRecord, encode_record

INDEX = "fake.1"
"""The version of the index of a fake, which never changes."""
TIMEOUT = 30
BACKLOG = 64


class Removed(Enum):
    """How a peer can be gone; the value says it for people."""

    REFUSED = "its port is closed"
    DROPPED = "nothing answers, as of a machine that is off"
    FROZEN = "its machine takes connections, and nobody answers"


class FakePeer:
    """A peer at ``host``, an address of this machine, with a port of its own; answers while ``loop`` runs."""

    def __init__(self, host: str) -> None:
        self._socket = socket.create_server((host, 0), backlog=BACKLOG)
        self.host, self.port = self._socket.getsockname()
        self.body = b""
        """Its index, as an answer to GET INDEX has it."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._fill: list[socket.socket] = []

    def announce(self, records: Iterable[IndexRecord]) -> None:
        """Answer with ``records`` from now on; those without a host are its own."""
        own = (replace(record, host=record.host or self.host, port=record.port or self.port) for record in records)
        self.body = "".join(f"{encode_record(record, Version.V11)}\n" for record in own).encode()

    def register(self, rs: tuple[str, int]) -> None:
        """Register with the RS, which believes loopback addresses. Raises OSError."""
        request = Request(Register(None, self.port), Version.V10, self.host, "Linux")
        with socket.create_connection(rs, TIMEOUT, (self.host, 0)) as sock:
            sock.sendall(encode_request(request))
            if not sock.recv(100).startswith(b"200 "):
                raise OSError(f"the RS does not register {self.host}:{self.port}")

    async def serve(self) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_server(self._talk, sock=self._socket.dup())

    async def leave(self, how: Removed) -> None:
        """Be gone, without a word to anybody."""
        if self._server is not None:
            self._server.close()  # a duplicate: the socket itself still listens
        if how is Removed.FROZEN:
            self.body = b""
            return
        for writer in self._writers:
            writer.transport.abort()
        if how is Removed.REFUSED:
            self._socket.close()
        else:
            self._drop_connections()

    def _drop_connections(self) -> None:
        """Fill the queue of connections that wait to be accepted: the kernel drops those that come later."""
        self._socket.listen(0)
        for _ in range(BACKLOG + 2):
            filler = socket.socket()
            filler.settimeout(0.05)
            self._fill.append(filler)
            try:
                filler.connect((self.host, self.port))
            except TimeoutError:
                return

    async def close(self) -> None:
        """Free its port, and end its connections."""
        if self._server is not None:
            self._server.close()
        for sock in (self._socket, *self._fill):
            sock.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        parser = RequestParser()
        with suppress(OSError, BadRequest, asyncio.CancelledError):  # the last at the end of the loop
            async for line in reader:
                request = parser.line(line.removesuffix(b"\n"))
                if request is not None and self.body:
                    writer.write(self._answer(request.message))
        writer.close()

    def _answer(self, message: Message) -> bytes:
        head = Response(200, Version.V11, self.host, "Linux", length=0)
        if not isinstance(message, GetIndex):
            return encode_response(replace(head, status=100))
        if message.since == INDEX:
            return encode_response(replace(head, index=INDEX, since=INDEX))
        return encode_response(replace(head, index=INDEX, length=len(self.body))) + self.body


class Loop:
    """An asyncio loop in a thread of its own, from ``with`` to the end of the block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` there; returns when it is done, raises what it raises."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(TIMEOUT)

    def __enter__(self) -> Loop:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @staticmethod
    async def _cancel() -> None:
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
