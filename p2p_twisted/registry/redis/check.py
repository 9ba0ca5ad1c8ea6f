"""The check of the engine before the reactor runs: the process starts, or ends with one line."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import closing
from typing import Any, TypeVar

import hiredis

from ...wire.address import Address
from ..store import StoreError
from .engine import Engine
from .errors import engine_error
from .handshake import NO_REDIS, Handshake, Unsuitable, ask_sentinel, handshake

CONNECT_TIMEOUT = 3.0
"""Seconds for a connection, and for each reply."""

RETRY_INTERVAL = 0.5
"""Seconds between two attempts while `check_engine` waits."""

T = TypeVar("T")

pack: Any = hiredis.pack_command  # its annotation knows commands of one word only


def check_engine(engine: Engine, prefix: str, wait: float) -> None:
    """Make sure that `engine` can keep the registry `prefix`, for up to `wait` seconds. Blocks; raises StoreError."""
    deadline = time.monotonic() + wait
    while True:
        try:
            return _check(engine, prefix)
        except Unsuitable as error:
            raise engine_error(engine, str(error)) from None
        except OSError as error:
            if time.monotonic() >= deadline:
                hint = "" if wait else ", or wait for it with --registry-wait SECONDS"
                raise StoreError(f"{engine_error(engine, _reason(error))}{hint}") from None
        time.sleep(RETRY_INTERVAL)


def _check(engine: Engine, prefix: str) -> None:
    address = _primary(engine) if engine.master else engine.addresses[0]
    _run(handshake(engine, prefix), address, engine.tls)


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"timed out after {CONNECT_TIMEOUT:.0f} s"
    return error.strerror or str(error)


def _primary(engine: Engine) -> Address:
    error: Exception = OSError("no sentinel")
    for address in engine.addresses:
        try:
            return _run(ask_sentinel(engine), address, False)
        except (OSError, Unsuitable) as failed:
            error = failed
    raise error


def _run(steps: Handshake[T], address: Address, tls: bool) -> T:
    """Run a handshake on a connection of its own. Raises Unsuitable for an error reply that will not change."""
    with closing(_connect(address, tls)) as connection:
        reader, reply = hiredis.Reader(), None
        try:
            while True:
                connection.sendall(pack(steps.send(reply)))
                reply = _reply(connection, reader)
        except StopIteration as done:
            result: T = done.value
            return result
        except hiredis.ProtocolError:
            raise Unsuitable(NO_REDIS) from None


def _connect(address: Address, tls: bool) -> socket.socket:
    connection = socket.create_connection(address, CONNECT_TIMEOUT)
    if not tls:
        return connection
    try:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=address[0])
    except BaseException:
        connection.close()
        raise


def _reply(connection: socket.socket, reader: Any) -> Any:
    while (reply := reader.gets()) is False:
        data = connection.recv(65536)
        if not data:
            raise Unsuitable(NO_REDIS)
        reader.feed(data)
    if isinstance(reply, hiredis.ReplyError):
        raise OSError(str(reply)) if str(reply).startswith("LOADING") else Unsuitable(str(reply))
    return reply
