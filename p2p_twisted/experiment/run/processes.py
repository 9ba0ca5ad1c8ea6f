"""One twistd process of a cluster: started on any place, watched, logged into a file, stopped by its id."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from ...web.control_client import ControlClient, ControlError

TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=")
"""twistd in the foreground, by the interpreter that runs this, whichever twistd is first on PATH."""
PORTS = range(20_000, 32_000)
"""Below the ports of outgoing connections, so that none of those takes one of these between two starts."""
LOG_TAIL = 4096
"""Bytes at the end of a log in which its last line is looked for."""


class ClusterError(Exception):
    """A cluster did not do what it was told to; the text names the process and has the last line of its log."""


class Launcher(Protocol):
    """The place where the processes run: loopback, or hosts in network namespaces. ``role`` is ``rs`` or ``peerN``."""

    def address(self, role: str) -> str:
        """Return the IPv4 address at which the process listens."""

    def port(self, role: str) -> int:
        """Return a TCP port that is free there; called once for each role."""

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start ``argv`` with ``options`` of Popen, out of reach of the terminal's Ctrl-C."""


class Loopback:
    """All processes on 127.0.0.1, each with ports of its own."""

    def __init__(self) -> None:
        self._next = random.SystemRandom().randrange(len(PORTS))

    def address(self, role: str) -> str:
        """Return the loopback address."""
        return "127.0.0.1"

    def port(self, role: str) -> int:
        """Return a port that no process listens on now. Raises ClusterError if there is none."""
        for _ in PORTS:
            self._next = (self._next + 1) % len(PORTS)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self.address(role), PORTS[self._next]))
                except OSError:
                    continue
            return PORTS[self._next]
        raise ClusterError("no free port on loopback")

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start ``argv`` in a session of its own, out of reach of the terminal's Ctrl-C."""
        return subprocess.Popen(argv, start_new_session=True, **options)


class Member:
    """One process of a cluster, and its folders below ``folder``; ``argv`` must be set before it is started."""

    def __init__(self, role: str, folder: Path, launcher: Launcher) -> None:
        self.role = role
        self.state_dir = folder / role / "state"
        self.share_dir = folder / role / "share"
        self.download_dir = folder / role / "downloads"
        self.log = folder / f"{role}.log"
        self.argv: Sequence[str] = ()
        self.control = ControlClient(self.state_dir)
        """The control API; every call raises ControlError while the process does not answer."""
        self._launcher = launcher
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process; its log is appended to. Raises OSError if it cannot be started."""
        if self.pid is not None:
            return
        with self.log.open("ab") as log:
            self._process = self._launcher.launch(
                self.role,
                self.argv,
                cwd=self.state_dir.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def terminate(self) -> None:
        """Send SIGTERM."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL, and wait until the process is gone."""
        if self._process is not None:
            self._process.kill()
            self.wait(None)

    def wait(self, timeout: float | None) -> bool:
        """Wait at most ``timeout`` seconds for the process to end, and return whether it has ended."""
        self.control.close()
        try:
            return self._process is None or self._process.wait(timeout) is not None
        except subprocess.TimeoutExpired:
            return False

    def status(self) -> dict[str, Any] | None:
        """Return the answer to ``GET status``, or None. Raises ClusterError if the process has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise ClusterError(f"{self.role} ended with status {self._process.returncode}: {self.last_log_line()}")
        try:
            status: dict[str, Any] = self.control.get("status")
        except ControlError as error:
            if error.kind in ("not-running", "lost"):
                return None
            raise ClusterError(f"{self.role}: {error}") from error
        return status

    def last_log_line(self) -> str:
        """Return the last line of the log."""
        if not self.log.exists():
            return "(no log)"
        tail = self.log.read_bytes()[-LOG_TAIL:].decode("utf-8", "replace").splitlines()
        return next((line for line in reversed(tail) if line.strip()), "(its log is empty)")
