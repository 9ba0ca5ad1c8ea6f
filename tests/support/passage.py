"""The modules that something passes through: traced in a real run, in the order in which they are reached.

``python -m tests.support.passage register`` prints those between the first byte of a Register at the RS and the last
byte of its answer; ``downloader`` those from the decision to request a piece to the request, and from the head of its
answer to the piece on the disk; ``holder`` those between the first byte of that request and the last byte of the piece;
``get`` those between the command line of ``p2p get`` and the swarm, in the command and in the peer. A module counts
when one of its functions runs: neither importing it nor defining a class is a passage, nor is what the listeners of an
event do. Those of ``wire``, which every message passes, count for the Register only.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThread

from p2p_twisted.peer import tap as peer_tap
from p2p_twisted.rs import tap as rs_tap
from p2p_twisted.web.control_client import ControlClient

from .trace import SENDING, WRITING, Trace
from .twistd import WAIT_TIMEOUT, Home, home, status, wait_for

PIECE = 2**18
DOCUMENT = os.urandom(3 * PIECE)
"""Three pieces: a list of their hashes is fetched first."""
REGISTER = b"Register NULL P2P_DI_1.0\nHost 127.0.0.1\nOS Linux\n\ncookie:\nport:4394\n"
GET_FILE = "GET FILE P2P_DI_1.1\nHost 127.0.0.1\nOS Linux\nRange: {}-{}\n\ndocument\nbin\n"
REQUESTS = ("GET FILE", "GET NEXT")
"""Requests for a piece."""
FILL = "fill_requests"
"""The function of the swarm that decides what to request of a source."""
IN_THE_MIDST = range(2, 12)
"""The pieces of a download that are traced: the file is open by then, and its source known to send of it."""

reactor: Any = _reactor


async def register(user: Home) -> list[str]:
    """Trace a Register of protocol 1.0 at the RS, on a connection that is open."""
    trace = Trace()
    async with _service(rs_tap, [*user.rs(), "--state-dir", str(user.state("rs"))]):
        with socket.create_connection(("127.0.0.1", user.rs_port), WAIT_TIMEOUT) as client, trace.running():
            await _in_thread(_exchange, client, REGISTER, b"cookie:")
    return trace.modules(trace.first("dataReceived", "Register"), trace.last("system", SENDING))


async def holder(user: Home) -> list[str]:
    """Trace the second piece that a peer sends on a connection."""
    user.start(user.state("rs"), *user.rs())
    trace = Trace()
    port = user.port()
    async with _peer(user, port, "--share", str(_shared(user))) as state:
        await _in_thread(_wait_for_document, state)
        with socket.create_connection(("127.0.0.1", port), WAIT_TIMEOUT) as client:
            for start in (0, PIECE):
                request, end = GET_FILE.format(start, start + PIECE - 1), start + PIECE
                with trace.running():
                    await _in_thread(_exchange, client, request.encode(), DOCUMENT[end - 20 : end])
    return trace.modules(trace.last("dataReceived", REQUESTS), trace.last("system", SENDING))


async def downloader(user: Home) -> list[str]:
    """Trace pieces in the midst of a download from one holder; the shortest passage had nothing else done meanwhile."""
    folder = user.home / "not shared"  # and so not watched
    folder.mkdir()
    wanted = {"names": ["document.bin"], "dir": str(folder)}
    trace = await _download(user, lambda state: ControlClient(state).post("downloads", wanted), folder)
    requested = written = 0
    passages = []
    for piece in range(IN_THE_MIDST.stop):
        try:
            requested = trace.first("write", REQUESTS, requested + 1)
            written = trace.first("system", WRITING, written + 1)
        except LookupError:  # requests that were written together are one event
            break
        if piece in IN_THE_MIDST:
            filled = trace.last(".swarm.", FILL, requested)
            head = trace.last(".net.", "head_received", trace.last(".swarm.", "begin", written))
            modules = trace.modules(filled, requested) + trace.modules(head, written)
            passages.append(list(dict.fromkeys(modules)))
    return min(passages, key=len)


async def get(user: Home) -> list[str]:
    """Trace ``p2p get`` up to its order at the peer, and the peer from there to the swarm."""
    modules: list[str] = []

    def order(state: Path) -> None:
        command = [sys.executable, "-m", __spec__.name, "command", "--state-dir", str(state), "get", "document.bin"]
        done = subprocess.run(command, check=True, capture_output=True, timeout=WAIT_TIMEOUT, text=True)
        modules.extend(json.loads(done.stdout.splitlines()[-1]))

    trace = await _download(user, order)
    start = trace.first("dataReceived", "POST /api/v1/downloads")
    return list(dict.fromkeys(modules + trace.modules(start, trace.first(".swarm.", after=start))))


PASSAGES = {"register": register, "holder": holder, "downloader": downloader, "get": get}


def command(arguments: list[str]) -> None:
    """Run ``p2p`` with `arguments`, and print the modules up to its order as JSON."""
    from p2p_twisted.cli.main import main

    sys.argv = ["p2p", *arguments]
    trace = Trace()
    try:
        with trace.running():
            main()
    finally:
        print(json.dumps(trace.modules(0, trace.first("request", "POST"))))


async def _download(user: Home, order: Callable[[Path], object], folder: Path | None = None) -> Trace:
    """Trace a peer in this process while it downloads the document, by `order`, to `folder` or that of its downloads.

    `order` is given the state folder of the peer.
    """
    user.start(user.state("rs"), *user.rs())
    user.start(
        user.state("holder"), *user.peer("--share", str(_shared(user)), "--state-dir", str(user.state("holder")))
    )
    trace = Trace()
    async with _peer(user, user.port()) as state:
        await _in_thread(_wait_for_document, state)
        with trace.running():
            await _in_thread(order, state)
            # to ask the API whether it is over would be one more passage
            await _in_thread(wait_for, ((folder or state / "downloads") / "document.bin").exists)
    return trace


@asynccontextmanager
async def _service(tap: Any, arguments: list[str]) -> AsyncIterator[None]:
    """Run what ``twistd`` runs for these arguments, the verb first, in this process."""
    options = tap.Options()
    options.parseOptions(arguments[1:])
    service: IService = tap.makeService(options, reactor)
    service.startService()
    try:
        yield
    finally:
        await maybeDeferred(service.stopService)


@asynccontextmanager
async def _peer(user: Home, port: int, *more: str) -> AsyncIterator[Path]:
    """Run a peer at a port, in this process; yields its state folder."""
    state = user.state("peer")
    listen = ["--listen", f"tcp:{port}:interface=127.0.0.1"]
    async with _service(peer_tap, [*user.peer(), *listen, "--state-dir", str(state), *more]):
        yield state


async def _in_thread(function: Callable[..., object], *arguments: object) -> None:
    """Await a blocking function in a thread that is not traced."""

    def untraced() -> None:
        sys.setprofile(None)
        function(*arguments)

    await deferToThread(untraced)


def _shared(user: Home) -> Path:
    """Make a folder with the document."""
    folder = user.home / "shared"
    folder.mkdir()
    (folder / "document.bin").write_bytes(DOCUMENT)
    return folder


def _wait_for_document(state: Path) -> None:
    wait_for(lambda: status(state)["rs"]["registered"] and ControlClient(state).get("index")["total"])


def _exchange(client: socket.socket, request: bytes, end: bytes) -> None:
    """Send `request`, and read until `end` has come."""
    time.sleep(0.2)  # the connection is accepted
    client.sendall(request)
    received = b""
    while end not in received:
        data = client.recv(2**20)
        if not data:
            raise ConnectionError(received)
        received = received[-len(end) :] + data


def main(kind: str) -> None:
    """Print the modules of a passage."""
    found: list[str] = []

    async def run() -> None:
        with home() as user:
            modules = await PASSAGES[kind](user)
            found.extend(name for name in modules if kind == "register" or ".wire." not in name)

    def begin() -> None:
        running = Deferred.fromCoroutine(run())
        running.addErrback(lambda failure: print(failure.getTraceback(), file=sys.stderr))
        running.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    print("\n".join(found))
    sys.exit(not found)


if __name__ == "__main__":
    if sys.argv[1] == "command":
        command(sys.argv[2:])
    else:
        main(sys.argv[1])
