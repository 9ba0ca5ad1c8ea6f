"""Load on an RS from plain sockets and one epoll: requests prepared before, answers only counted by their bytes."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from itertools import cycle

Address = tuple[str, int]


def connect(address: Address) -> socket.socket:
    sock = socket.create_connection(address, timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def register_peers(address: Address, count: int, batch: int = 200, start: int = 0) -> list[tuple[int, int]]:
    """Register `count` peers, each at its own address, over one pipelined 1.1 connection; returns (cookie, port)s.

    `start`: the number of the first one, from which its address is made.
    """
    peers: list[tuple[int, int]] = []
    with connect(address) as sock:
        answers = sock.makefile("rb")
        for first in range(start, start + count, batch):
            numbers = range(first, min(first + batch, start + count))
            sock.sendall(b"".join(_register(number) for number in numbers))
            peers += [(_cookie(answers), _place(number)[1]) for number in numbers]
    return peers


def _place(number: int) -> tuple[str, int]:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1024 + number % 60_000


def _register(number: int) -> bytes:
    host, port = _place(number)
    return f"Register NULL P2P_DI_1.1\nHost {host}\nOS Linux\n\ncookie:\nport:{port}\n".encode()


def _cookie(answers) -> int:
    status = answers.readline()
    if not status.startswith(b"200 "):
        raise SystemExit(f"Register was refused: {status!r}")
    while answers.readline() != b"\n":
        pass
    return int(answers.readline().removeprefix(b"cookie:"))


def kept_open(address: Address, requests: Iterator[bytes], size: int, seconds: float, width: int, depth: int) -> float:
    """Return the requests a second over `width` open connections, `depth` in flight on each; `size`: of an answer."""
    poll, socks, missing = select.epoll(), {}, {}
    burst = [b"".join(next(requests) for _ in range(depth)) for _ in range(20_000 // depth)] if depth > 1 else None
    bursts = cycle(burst) if burst else requests
    for _ in range(width):
        sock = connect(address)
        sock.setblocking(False)
        socks[sock.fileno()], missing[sock.fileno()] = sock, size * depth
        poll.register(sock, select.EPOLLIN)
        sock.send(next(bursts))
    done, start = 0, time.perf_counter()
    stop = start + seconds
    while time.perf_counter() < stop:
        for fd, _ in poll.poll(1):
            got = len(socks[fd].recv(65536))
            if not got:
                raise SystemExit("the server closed a connection that was to stay open")
            missing[fd] -= got
            if not missing[fd]:
                done += depth
                missing[fd] = size * depth
                socks[fd].send(next(bursts))
    rate = done / (time.perf_counter() - start)
    for sock in socks.values():
        sock.close()
    return rate


def one_each(address: Address, requests: Iterator[bytes], size: int, seconds: float, width: int) -> float:
    """Return the requests a second, each on a connection of its own, `width` at a time; the server closes."""
    poll, socks = select.epoll(), {}

    def begin() -> None:
        sock = socket.socket()
        sock.connect(address)
        sock.send(next(requests))
        socks[sock.fileno()] = sock
        poll.register(sock, select.EPOLLIN)

    for _ in range(width):
        begin()
    done, start = 0, time.perf_counter()
    stop = start + seconds
    while time.perf_counter() < stop:
        for fd, _ in poll.poll(1):
            sock = socks[fd]
            if len(sock.recv(4096)) == size and sock.recv(4096):
                raise SystemExit("an answer is longer than it was")
            del socks[fd]
            sock.close()
            done += 1
            begin()
    rate = done / (time.perf_counter() - start)
    for sock in socks.values():
        sock.close()
    return rate
