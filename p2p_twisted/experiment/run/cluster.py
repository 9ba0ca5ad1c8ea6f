"""A registration server and its peers as real twistd processes, for the demo, experiments and tests."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ...web.control_client import ControlError
from .interrupts import Interrupts
from .processes import TWISTD, ClusterError, Launcher, Loopback, Member

RS = "rs"
START_TIMEOUT = 60.0
"""Seconds until all processes must be up: a slow machine may start many interpreters at once."""
STOP_TIMEOUT = 5.0
"""Seconds between SIGTERM and SIGKILL."""
POLL_INTERVAL = 0.05
"""Seconds."""
MAX_DOCUMENTS = 1000
"""The most documents that one answer of the API lists."""
SHORT_TMP = Path("/tmp")
MAX_TMP = 60
"""Bytes in the path of a temporary folder, above which the path of a socket in it may be too long (107 bytes)."""


class Cluster:
    """An RS and ``count`` peers, ``peer1`` to ``peerN``, in a temporary folder, for the time of a ``with`` block.

    Entering makes the folders, so that the peers' share folders can be filled; ``start`` starts the processes.
    Leaving stops all processes and removes the folder, also after an exception. Ctrl-C, SIGTERM and SIGHUP raise
    KeyboardInterrupt in the block. Not thread-safe.

    ``launcher`` says where processes run (default: loopback), ``options(role)`` returns more options for one of them,
    ``stop_timeout`` is the time in seconds that each has to stop before it is killed.
    """

    def __init__(
        self,
        count: int = 6,
        launcher: Launcher | None = None,
        options: Callable[[str], Sequence[str]] = lambda role: (),
        stop_timeout: float = STOP_TIMEOUT,
    ) -> None:
        self.folder = Path()
        self.rs: Member
        self.peers: list[Member] = []
        self._count = count
        self._launcher = launcher or Loopback()
        self._options = options
        self._stop_timeout = stop_timeout
        self._ports: dict[str, int] = {}
        self._interrupts = Interrupts()
        self._exit = ExitStack()

    def __enter__(self) -> Cluster:
        with ExitStack() as stack:
            stack.enter_context(self._interrupts)
            with self._interrupts.held():  # else a folder could be made and never removed
                self.folder = Path(tempfile.mkdtemp(prefix="p2p-", dir=_short_tmp()))
                stack.callback(self._remove)
            self._make_members()
            stack.callback(self.stop)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    def __getitem__(self, role: str) -> Member:
        """Return the RS or a peer by its role. Raises KeyError."""
        return {member.role: member for member in self.members}[role]

    @property
    def members(self) -> list[Member]:
        """The RS, then the peers."""
        return [self.rs, *self.peers]

    def start(self, timeout: float = START_TIMEOUT) -> None:
        """Start the RS, then all peers at once; return when all answer and are registered. Raises ClusterError."""
        deadline = time.monotonic() + timeout
        self._launch([self.rs])
        wait_until(lambda: self.rs.status() is not None, deadline, "the RS does not answer")
        self._launch(self.peers)
        self.wait_registered(deadline - time.monotonic())

    def wait_registered(self, timeout: float = START_TIMEOUT) -> None:
        """Return when every peer answers and is registered. Raises ClusterError."""
        deadline = time.monotonic() + timeout
        for peer in self.peers:
            wait_until(partial(_is_registered, peer), deadline, f"{peer.role} is not registered")

    def wait_for_documents(self, count: int, timeout: float = START_TIMEOUT) -> None:
        """Return when every peer knows of ``count`` documents, its own and others. Raises ClusterError."""
        deadline = time.monotonic() + timeout
        for peer in self.peers:
            complaint = f"{peer.role} does not know of {count} documents"
            wait_until(partial(_knows, peer, count), deadline, complaint)

    def kill9(self, role: str) -> None:
        """Kill a process with signal 9; return when it is gone."""
        self[role].kill()

    def restart(self, role: str, timeout: float = START_TIMEOUT) -> None:
        """Start a process that was stopped or killed again; return when it answers. Raises ClusterError."""
        member = self[role]
        self._launch([member])
        wait_until(lambda: member.status() is not None, time.monotonic() + timeout, f"{role} does not answer")

    def stop(self) -> None:
        """Stop the peers, then the RS: by SIGTERM, and after a timeout by SIGKILL. Ctrl-C has to wait."""
        with self._interrupts.held():
            _stop(self.peers, self._stop_timeout)
            _stop([self.rs], self._stop_timeout)

    def _make_members(self) -> None:
        self.rs = self._member(RS)
        self.rs.argv = self._argv(self.rs, "p2p-rs")
        rs = ("--rs-host", self._launcher.address(RS), "--rs-port", str(self._ports[RS]))
        for number in range(1, self._count + 1):
            peer = self._member(f"peer{number}")
            peer.share_dir.mkdir()
            peer.download_dir.mkdir()
            folders = ("--share", str(peer.share_dir), "--download-dir", str(peer.download_dir))
            peer.argv = self._argv(peer, "p2p-peer", *rs, *folders)
            self.peers.append(peer)

    def _member(self, role: str) -> Member:
        member = Member(role, self.folder, self._launcher)
        member.state_dir.mkdir(parents=True)
        self._ports[role] = self._launcher.port(role)
        return member

    def _argv(self, member: Member, verb: str, *more: str) -> list[str]:
        listen = f"tcp:{self._ports[member.role]}:interface={self._launcher.address(member.role)}"
        own = ("--state-dir", str(member.state_dir), "--listen", listen)
        return [*TWISTD, verb, *own, *more, *self._options(member.role)]

    def _launch(self, members: Iterable[Member]) -> None:
        for member in members:
            with self._interrupts.held():  # else a process could be started and never stopped
                member.start()

    def _remove(self) -> None:
        with self._interrupts.held():
            shutil.rmtree(self.folder, ignore_errors=True)


def wait_until(ready: Callable[[], bool], deadline: float, complaint: str) -> None:
    """Return when ``ready()`` is true. Raises ClusterError(complaint) if it is not by ``deadline`` (monotonic)."""
    while not ready():
        if time.monotonic() > deadline:
            raise ClusterError(complaint)
        time.sleep(POLL_INTERVAL)


def holdings_known_to(peer: Member) -> set[tuple[str, str]]:
    """Return the names that ``peer`` knows of, each with the address of a holder. Raises ControlError."""
    items = peer.control.get("index", limit=MAX_DOCUMENTS)["items"]
    return {(item["name"], f"{holder['host']}:{holder['port']}") for item in items for holder in item["holders"]}


def _is_registered(peer: Member) -> bool:
    status = peer.status()
    return status is not None and status["rs"]["registered"]


def _knows(peer: Member, count: int) -> bool:
    try:
        if peer.control.get("index", limit=1)["total"] >= count:
            return True
        peer.control.post("refresh")
        return bool(peer.control.get("index", limit=1)["total"] >= count)
    except ControlError as error:
        raise ClusterError(f"{peer.role}: {error}") from error


def _stop(members: Sequence[Member], timeout: float) -> None:
    for member in members:
        member.terminate()
    deadline = time.monotonic() + timeout
    for member in members:
        if not member.wait(max(0.0, deadline - time.monotonic())):
            member.kill()


def _short_tmp() -> Path | None:
    """Return the folder for temporary folders: /tmp if the usual one has too long a path for a socket, else None."""
    usual = os.fsencode(tempfile.gettempdir())
    return SHORT_TMP if len(usual) > MAX_TMP and SHORT_TMP.is_dir() else None
