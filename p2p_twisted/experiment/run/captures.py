"""What the cable of each host carries, as captures for Wireshark: dumpcap or tcpdump in the namespace of the host."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from .cluster import wait_until
from .processes import ClusterError, Launcher

TOOLS = ("dumpcap", "tcpdump")
"""Programs that capture, the preferred one first."""
SUFFIXES = {"dumpcap": ".pcapng", "tcpdump": ".pcap"}
FOLDER = "captures"
"""The folder of all captures, in that of the results."""
MAX_BYTES = 10**9
"""The captures of one run, of all its hosts together."""
FILES = 4
"""Files of each host's ring: the oldest is overwritten when all are full."""
MAX_FILE_SIZE = 50 * 10**6
MIN_FILE_SIZE = 10**6
BUFFER = 16
"""MiB in the kernel for frames that are not written yet."""
HAND_OVER = 1.5
"""Seconds in which the kernel hands over the last frames: it does so in batches, a second apart for tcpdump."""
START_TIMEOUT = 10.0
STOP_TIMEOUT = 10.0
"""Seconds until a capture has begun, and until it has written what it has."""


def capture_problem(place: str, which: Callable[[str], str | None] = shutil.which) -> str | None:
    """Return one line with the reason why nothing can be captured at ``place``, or None; ``which`` finds programs."""
    if place != "netns":
        return f"--pcap captures the cables of hosts, and --lab {place} has none: add --lab netns (root)"
    if capture_tool(which) is None:
        return "--pcap needs dumpcap or tcpdump: install one of them, for example with apt-get install tcpdump"
    return None


def capture_tool(which: Callable[[str], str | None] = shutil.which) -> str | None:
    """Return the program to use, or None if there is none."""
    return next((tool for tool in TOOLS if which(tool)), None)


def file_size(hosts: int) -> int:
    """Return the bytes of each file of a ring, so that the captures of all ``hosts`` stay below MAX_BYTES."""
    return max(MIN_FILE_SIZE, min(MAX_FILE_SIZE, MAX_BYTES // (hosts * FILES)))


def command(tool: str, path: Path, size: int) -> list[str]:
    """Return the command that captures into a ring of files of ``size`` bytes, whose names begin as ``path``."""
    if tool == "dumpcap":
        ring = ["-b", f"filesize:{size // 1000}", "-b", f"files:{FILES}"]
        return ["dumpcap", "-i", "eth0", "-B", str(BUFFER), *ring, "-w", str(path)]
    ring = ["-C", str(size // 10**6), "-W", str(FILES)]
    return ["tcpdump", "-i", "eth0", "-n", "-Z", "root", "-B", str(BUFFER * 1024), *ring, "-w", str(path)]


class Captures:
    """Captures the cables of the hosts of ``roles`` into ``folder`` for the time of a ``with`` block.

    ``with`` raises ClusterError if a capture does not begin. An exception in the block removes the captures.
    """

    def __init__(self, launcher: Launcher, roles: Sequence[str], folder: Path, tool: str) -> None:
        self.files: list[Path] = []
        """The captures, when the block has ended: of each role, oldest first."""
        self._launcher = launcher
        self._roles = roles
        self._folder = folder
        self._tool = tool
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Captures:
        self._folder.mkdir(parents=True)
        size = file_size(len(self._roles))
        try:
            for role in self._roles:
                argv = command(self._tool, self._folder / f"{role}{SUFFIXES[self._tool]}", size)
                with self._messages(role).open("wb") as messages:
                    launched = self._launcher.launch(
                        role, argv, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages
                    )
                self._processes.append(launched)
            self._wait()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return self._remove()
        self._stop()
        for role in self._roles:
            self._messages(role).unlink()
            self.files += self._named(role)

    def _messages(self, role: str) -> Path:
        """Return the file of what the program says for ``role``."""
        return self._folder / f"{role}.log"

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        for role in self._roles:
            wait_until(partial(self._has_begun, role), deadline, f"{self._tool} did not begin to capture at {role}")

    def _has_begun(self, role: str) -> bool:
        said = self._messages(role).read_bytes()
        return b"listening on" in said or b"File:" in said

    def _stop(self) -> None:
        """End all captures. Raises ClusterError if one has ended before, as where the disk is full."""
        for role, process in zip(self._roles, self._processes, strict=True):
            if process.poll() is not None:
                said = self._messages(role).read_text("utf-8", "replace").strip().splitlines()
                self._remove()
                raise ClusterError(f"{self._tool} at {role} ended before the run: {said[-1] if said else 'no reason'}")
        time.sleep(HAND_OVER)
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(STOP_TIMEOUT)

    def _remove(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait(STOP_TIMEOUT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _named(self, role: str) -> list[Path]:
        """Give the files of ``role`` plain names, numbered if there are several; return them."""
        suffix = SUFFIXES[self._tool]
        written = sorted(self._folder.glob(f"{role}[._]*"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        names = (
            [f"{role}{suffix}"] if len(written) == 1 else [f"{role}-{n}{suffix}" for n in range(1, len(written) + 1)]
        )
        return [path.rename(self._folder / name) for path, name in zip(written, names, strict=True)]
