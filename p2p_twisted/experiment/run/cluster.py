"""A registration server and its peers as real twistd processes, for demos, experiments and tests."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ...web.client import ControlError
from .interrupts import Interrupts
from .processes import TWISTD, ClusterError, Launcher, Loopback, Member

RS = "rs"
START_TIMEOUT = 60.0
"""Seconds until everybody must be up: a slow machine starting many interpreters at once."""
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
POLL = 0.05
SHORT_TMP = Path("/tmp")
MAX_TMP = 60
"""Bytes of a temporary folder's path, beyond which a socket below it may have too long a path (107 bytes)."""


class Cluster:
    """An RS and ``count`` peers, ``peer1`` to ``peerN``, in a temporary folder, from ``with`` to the end of the block.

    Entering makes the folders, so that the peers' share folders can be filled; :meth:`start` starts the processes.
    Leaving, for whatever reason, stops them all and removes the folder. Ctrl-C, SIGTERM and SIGHUP raise
    KeyboardInterrupt in the block. Not for several threads at once.

    ``launcher`` says where processes run (default: loopback); ``options(role)`` gives more options for one of them;
    ``grace`` is how many seconds each has to stop before it is killed.
    """

    def __init__(
        self,
        count: int = 6,
        launcher: Launcher | None = None,
        options: Callable[[str], Sequence[str]] = lambda role: (),
        grace: float = GRACE,
    ) -> None:
        self.folder = Path()
        self.rs: Member
        self.peers: list[Member] = []
        self._count = count
        self._launcher = launcher or Loopback()
        self._options = options
        self._grace = grace
        self._ports: dict[str, int] = {}
        self._interrupts = Interrupts()
        self._exit = ExitStack()

    def __enter__(self) -> Cluster:
        with ExitStack() as stack:
            stack.enter_context(self._interrupts)
            with self._interrupts.held():  # a folder that was made but is not noted would never be removed
                self.folder = Path(tempfile.mkdtemp(prefix="p2p-", dir=_short_tmp()))
                stack.callback(self._remove)
            self._make_members()
            stack.callback(self.stop)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    def __getitem__(self, role: str) -> Member:
        """The RS or a peer by its role. Raises KeyError."""
        return {member.role: member for member in self.members}[role]

    @property
    def members(self) -> list[Member]:
        """The RS, then the peers."""
        return [self.rs, *self.peers]

    def start(self, timeout: float = START_TIMEOUT) -> None:
        """Start the RS, then all peers at once; returns when each answers and is registered. Raises ClusterError."""
        deadline = time.monotonic() + timeout
        self._launch([self.rs])
        wait_until(lambda: self.rs.status() is not None, deadline, "the RS does not answer")
        self._launch(self.peers)
        self.wait_registered(deadline - time.monotonic())

    def wait_registered(self, timeout: float = START_TIMEOUT) -> None:
        """Return when every peer answers and is registered. Raises ClusterError."""
        deadline = time.monotonic() + timeout
        for peer in self.peers:
            wait_until(lambda peer=peer: _is_registered(peer), deadline, f"{peer.role} is not registered")  # type: ignore[misc]

    def wait_for_documents(self, count: int, timeout: float = START_TIMEOUT) -> None:
        """Return when every peer knows of ``count`` documents, here or elsewhere. Raises ClusterError."""
        deadline = time.monotonic() + timeout
        for peer in self.peers:
            wait_until(
                lambda peer=peer: _knows(peer, count),  # type: ignore[misc]
                deadline,
                f"{peer.role} does not know of {count} documents",
            )

    def kill9(self, role: str) -> None:
        """Kill a process without a chance to tidy up; returns when it is gone."""
        self[role].kill()

    def restart(self, role: str, timeout: float = START_TIMEOUT) -> None:
        """Start a process that was stopped or killed, as it was; returns when it answers. Raises ClusterError."""
        member = self[role]
        self._launch([member])
        wait_until(lambda: member.status() is not None, time.monotonic() + timeout, f"{role} does not answer")

    def stop(self) -> None:
        """Stop the peers, then the RS: first politely, after a grace time by force. A Ctrl-C meanwhile waits."""
        with self._interrupts.held():
            _stop(self.peers, self._grace)
            _stop([self.rs], self._grace)

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
            with self._interrupts.held():  # a process that was started but is not noted would never be stopped
                member.start()

    def _remove(self) -> None:
        with self._interrupts.held():
            shutil.rmtree(self.folder, ignore_errors=True)


def wait_until(ready: Callable[[], bool], deadline: float, complaint: str) -> None:
    """Ask ``ready()`` again and again. Raises ClusterError(complaint) when it is not by ``deadline`` (monotonic)."""
    while not ready():
        if time.monotonic() > deadline:
            raise ClusterError(complaint)
        time.sleep(POLL)


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


def _stop(members: Sequence[Member], grace: float) -> None:
    for member in members:
        member.terminate()
    deadline = time.monotonic() + grace
    for member in members:
        if not member.wait(max(0.0, deadline - time.monotonic())):
            member.kill()


def _short_tmp() -> Path | None:
    """Where temporary folders go: as ever, but where the path would be too long for a socket, /tmp."""
    usual = os.fsencode(tempfile.gettempdir())
    return SHORT_TMP if len(usual) > MAX_TMP and SHORT_TMP.is_dir() else None
