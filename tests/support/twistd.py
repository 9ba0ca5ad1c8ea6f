"""``twistd`` as people type it: in a folder, with a home, in the foreground or as a daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from p2p_twisted.experiment.run.processes import Loopback
from p2p_twisted.web.control_client import ControlClient, ControlError

ROOT = Path(__file__).parents[2]
TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")
WAIT_TIMEOUT = 30
"""Seconds for what takes well under one."""


def wait_for(condition: Callable[[], Any]) -> Any:
    """Return the first true value that `condition` returns."""
    deadline = time.monotonic() + WAIT_TIMEOUT
    while not (value := condition()):
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)
    return value


class Home:
    """A user with an empty home folder `home`, who types in the empty folder `here`."""

    def __init__(self, folder: Path) -> None:
        self.home, self.here = folder / "home", folder / "here"
        self.home.mkdir()
        self.here.mkdir()
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.home), "COLUMNS": "80"}
        for name in ("XDG_STATE_HOME", "P2P_STATE_DIR"):
            self.environment.pop(name, None)
        self.processes: list[subprocess.Popen[str]] = []
        self._ports = Loopback()
        self.rs_port = self.port()

    def port(self) -> int:
        """Return a port that nobody listens on."""
        return self._ports.port("")

    def state(self, role: str) -> Path:
        """Return the state folder of the role "rs" or "peer" where no other is named."""
        return self.home / ".local/state/p2p_twisted" / role

    def rs(self) -> list[str]:
        """Return the arguments of an RS on loopback."""
        return ["p2p-rs", "--listen", f"tcp:{self.rs_port}:interface=127.0.0.1"]

    def peer(self, *arguments: str) -> list[str]:
        """Return the arguments of a peer of that RS on loopback."""
        listen = f"tcp:{self.port()}:interface=127.0.0.1"
        return ["p2p-peer", "--rs-host", "127.0.0.1", "--rs-port", str(self.rs_port), "--listen", listen, *arguments]

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run twistd, which is to end by itself: because it cannot start, or as a daemon that goes on elsewhere."""
        options = {"cwd": self.here, "env": self.environment, "timeout": WAIT_TIMEOUT, "text": True, **options}
        return subprocess.run([*TWISTD, *arguments], capture_output=True, check=False, **options)

    def start(self, state: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start twistd in the foreground; returns when the API in the state folder `state` answers."""
        options = {"cwd": self.here, "env": self.environment, "text": True, **options}
        log = state.parent.parent / f"{state.name}-{len(self.processes)}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as output:
            process = subprocess.Popen([*TWISTD, "-n", *arguments], stdout=output, stderr=output, **options)
        self.processes.append(process)
        wait_for(lambda: status(state) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        return process

    def stop(self) -> None:
        """Stop whatever was started and still runs."""
        for process in self.processes:
            process.kill()
            process.wait()


def status(state: Path) -> Any:
    """Return the status of what runs on the state folder `state`, None if nothing answers there."""
    client = ControlClient(state, timeout=WAIT_TIMEOUT)
    try:
        return client.get("status")
    except ControlError:
        return None
    finally:
        client.close()


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
    """Send the signal `number`; returns the exit status."""
    process.send_signal(number)
    return process.wait(WAIT_TIMEOUT)


@contextmanager
def home() -> Iterator[Home]:
    """Make a user whose paths are short enough for a socket, and stop in the end what was started."""
    with TemporaryDirectory(prefix="p2p-") as folder:
        user = Home(Path(folder))
        try:
            yield user
        finally:
            user.stop()
