"""An RS as a real twistd process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TypeVar

from p2p_twisted.experiment.run.processes import TWISTD, Loopback

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
TIMEOUT = 30
"""Seconds to wait for something that takes well under one."""

_ports = Loopback()


def free_port() -> int:
    """Return a port that nobody listens on, and that no outgoing connection gets."""
    return _ports.port("")


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """Run ``twistd -n p2p-rs ARGS``, which exits by itself."""
    command = [*TWISTD, "p2p-rs", *args]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=TIMEOUT, check=False)


P = TypeVar("P", bound="RSProcess")


class RSProcess:
    """A running RS with its state in `folder`, which answers as soon as it is made. A context kills it at its end."""

    twistd: tuple[str, ...] = TWISTD

    def __init__(self, folder: Path, *args: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.log = folder / "rs.log"
        self.state = folder / "state"
        listen = f"tcp:{self.port}:interface=127.0.0.1"
        command = [*self.twistd, "p2p-rs", "--listen", listen, "--state-dir", str(self.state), *args]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)
        try:
            self._wait()
        except OSError as error:
            self.kill()
            raise AssertionError(self.log.read_text()) from error

    def _wait(self) -> None:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                self.ask(b"?\n\n")  # the port takes connections before there is anybody to answer
                return
            except ConnectionRefusedError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.02)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)

    def ask(self, data: bytes) -> bytes:
        """Return the answer in 1.0; this side stays open until the RS has closed its own."""
        with self.connect() as sock:
            sock.sendall(data)
            return b"".join(iter(lambda: sock.recv(65536), b""))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> str:
        """Let it stop; return its log."""
        self.process.terminate()
        try:
            assert self.process.wait(TIMEOUT) in (0, -signal.SIGTERM)  # twistd ends by the signal that ended it
        finally:
            self.kill()
        return self.log.read_text()

    def __enter__(self: P) -> P:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
