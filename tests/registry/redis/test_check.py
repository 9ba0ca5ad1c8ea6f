"""The check of the engine at the start: it passes, or says in one line what is wrong and what to do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from p2p_twisted.registry.redis.check import check_engine
from p2p_twisted.registry.redis.engine import parse_engine
from p2p_twisted.registry.store import StoreError
from tests.support.redis_server import RedisServer, redis_server
from tests.support.rs_process import free_port

pytestmark = pytest.mark.slow

PREFIX = "p2p:"


def refused(url: str, prefix: str = PREFIX, wait: float = 0) -> str:
    with pytest.raises(StoreError) as raised:
        check_engine(parse_engine(url), prefix, wait)
    line = str(raised.value)
    assert "\n" not in line and line.startswith(f"{parse_engine(url)}: ")
    return line.partition(": ")[2]


@pytest.fixture
def stranger() -> Iterator[Callable[[bytes], str]]:
    """Listens once on a port, and answers everything with the same bytes; an empty answer closes the connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(reply: bytes) -> None:
        connection, _ = listening.accept()
        with connection:
            while connection.recv(65536) and reply:
                connection.sendall(reply)

    def start(reply: bytes) -> str:
        threading.Thread(target=serve, args=(reply,), daemon=True).start()
        return f"redis://127.0.0.1:{listening.getsockname()[1]}/0"

    yield start
    listening.close()


def test_an_engine_that_is_there_is_ready_again_and_again() -> None:
    server = redis_server()
    prefix = server.new_prefix()
    for _ in range(2):
        check_engine(server.engine(), prefix, 0)
    assert server.ask("GET", prefix + "layout") == b"$1"


def test_nobody_is_there() -> None:
    line = refused(f"redis://127.0.0.1:{free_port()}")
    assert line == "Connection refused; start it, or wait for it with --registry-wait SECONDS"
    assert "correct the name in --registry" in refused("redis://no-such-host.invalid")


def test_it_waits_for_one_that_is_started_later(tmp_path: Path) -> None:
    port = free_port()
    assert refused(f"redis://127.0.0.1:{port}", wait=0.1) == "Connection refused; start it"
    starting = threading.Timer(0.3, lambda: servers.append(RedisServer(tmp_path, port=port)))
    servers: list[RedisServer] = []
    starting.start()
    try:
        start = time.monotonic()
        check_engine(parse_engine(f"redis://127.0.0.1:{port}"), PREFIX, 30)
        assert time.monotonic() - start < 20
    finally:
        starting.join()
        for server in servers:
            server.kill()


def test_passwords(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--requirepass", "secret") as server:
        where = f"127.0.0.1:{server.port}"
        check_engine(parse_engine(f"redis://:secret@{where}"), PREFIX, 0)
        check_engine(parse_engine(f"redis://default:secret@{where}"), PREFIX, 0)
        assert "it wants a password: --registry redis://:PASSWORD@HOST" in refused(f"redis://{where}")
        line = refused(f"redis://:wrong@{where}")
        assert "correct the user and the password in --registry" in line and "wrong@" not in line
    assert "it has no password: leave it out" in refused(f"redis://:secret@127.0.0.1:{redis_server().port}")


def test_a_database_that_there_is_not() -> None:
    assert "choose another number at the end of --registry" in refused(redis_server().url(999_999))


def test_keys_of_somebody_else_or_of_a_newer_version() -> None:
    server = redis_server()
    prefix = server.new_prefix()
    server.ask("LPUSH", prefix + "records", "x")
    assert f"the key {prefix}records is not of a registry: choose another --registry-prefix" in refused(
        server.url(), prefix
    )
    prefix = server.new_prefix()
    server.ask("SET", prefix + "layout", "2")
    assert "has layout b'2', not b'1': was it made by a newer version?" in refused(server.url(), prefix)


def test_a_replica(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--replicaof", "127.0.0.1", str(free_port())) as server:
        assert "it is a replica: name the primary in --registry, or its sentinels" in refused(server.url())


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x15\x03\x01\x00\x02\x02\x50"])
def test_one_that_is_no_redis(stranger: Callable[[bytes], str], reply: bytes) -> None:
    assert "it does not answer as Redis does: use redis:// without TLS" in refused(stranger(reply))


@pytest.mark.parametrize("reply", [b"+OK\r\n", b":1\r\n", b"*0\r\n", b"$-1\r\n", b"*1\r\n:1\r\n"])
def test_one_that_answers_nonsense(stranger: Callable[[bytes], str], reply: bytes) -> None:
    assert "it does not answer as Redis does" in refused(stranger(reply)) or reply == b"+OK\r\n"


def test_sentinels_name_the_primary(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("primary", "sentinel")]
    for folder in folders:
        folder.mkdir()
    with RedisServer(folders[0]) as primary:
        config = folders[1] / "sentinel.conf"
        config.write_text(f"sentinel monitor main 127.0.0.1 {primary.port} 1\n")
        with RedisServer(folders[1], config=config) as sentinel:
            dead = f"127.0.0.1:{free_port()}"
            check_engine(parse_engine(f"redis+sentinel://{dead},127.0.0.1:{sentinel.port}/main"), PREFIX, 0)
            assert primary.ask("GET", PREFIX + "layout") == b"$1"
            line = refused(f"redis+sentinel://127.0.0.1:{sentinel.port}/other")
            assert "this sentinel does not know 'other': correct the name in --registry" in line
            assert "Connection refused; start it" in refused(f"redis+sentinel://{dead}/main")
