"""An RS with two workers, as real processes."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from p2p_twisted.web.control_client import ControlClient, ControlError
from tests.support.rs_process import RSProcess
from tests.support.rs_server import request
from tests.support.twistd import wait_for

WORKERS = 2


class Supervised(RSProcess):
    """An RS with WORKERS workers."""

    def __init__(self, folder: Path, *args: str) -> None:
        super().__init__(folder, "--workers", str(WORKERS), *args)
        self.control = ControlClient(self.state)

    def pid(self, number: int) -> int:
        """Return the process id of a worker: it is in its lock file."""
        return int((self.state / "workers" / str(number) / "lock").read_bytes().split()[0])

    def status(self) -> Any:
        with suppress(ControlError):
            return self.control.get("status")

    def wait_for_workers(self) -> list[int]:
        """Return the process ids of the workers when all serve."""
        wait_for(lambda: (self.status() or {}).get("workers") == WORKERS)
        return [self.pid(number) for number in range(1, WORKERS + 1)]

    def register(self, port: int) -> None:
        assert self.ask(request("Register", "cookie:", f"port:{port}")).startswith(b"200 OK")


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")


class Apart(Supervised):
    """Workers that share nothing but the port: each has a registry of its own, in memory."""

    twistd = (sys.executable, "-m", "tests.support.apart", "-n", "--pidfile=")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "--registry", "memory")
