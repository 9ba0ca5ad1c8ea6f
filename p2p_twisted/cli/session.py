"""The peer or RS that a verb calls: the process on the state folder, or a peer in this process for one command."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn

from ..config.folders import default_state_dir
from ..config.loading import without_collector, without_tls
from ..config.shares import Share
from ..web.control_client import ControlClient, ControlError
from . import exits
from .options import Rs, Where
from .output import count, warn

START_TIME = 10
"""Seconds that a peer may hold its state folder without answering: when it starts, and when it ends."""

POLL = 0.02
"""Seconds between two looks at a peer that starts."""

REFRESH_TIMEOUT = 300
"""Seconds that the peers have to answer, all together."""


@dataclass(frozen=True)
class Session:
    """A connection to a peer; if `own`, the peer runs in this process and ends with the command."""

    client: ControlClient
    own: bool


@contextmanager
def peer(
    where: Where, share: Sequence[Share] = (), news: bool = False, deadline: float | None = None
) -> Iterator[Session]:
    """Connect to the running peer; if there is none and an RS is given, start one here that shares `share`.

    That one is registered when the block begins, by `deadline` (monotonic) if there is one; with `news`, it has asked
    the other peers too. Raises Failure, also in place of a ControlError in the block. SIGTERM and SIGHUP are a
    KeyboardInterrupt in it.
    """
    client = ControlClient(where.state_dir)
    own = None
    with _failures(), _signals(), ExitStack() as stack:
        status = _status(client, "peer")
        runs = status is not None and not _is_starting(status)
        if status is None:
            own, status = _start_or_join(where, share, stack, client)
        if not runs and where.rs:
            _wait_registered(client, deadline, time.sleep if own is None else own.wait_for_rs)
        if own is not None:
            own.show_warnings()
        elif where.rs and not _is_one_of(status["rs"], where.rs):
            warn(f"a peer is already running, with RS {status['rs']['host']}:{status['rs']['port']}: using that one")
        if news and not runs:
            refresh(client, deadline)
        yield Session(client, own=own is not None)
        if own is not None:
            wait_for_others(client)


@contextmanager
def registry(where: Where) -> Iterator[ControlClient]:
    """Connect to the RS on this machine. Raises Failure, also in place of a ControlError in the block."""
    client = ControlClient(where.state_dir)
    with _failures():
        if _status(client, "rs") is None:
            raise exits.Failure(
                exits.USAGE,
                f"no RS is running on {where.state_dir}: start one with 'twistd -n p2p-rs{_folder(where, 'rs')}', "
                "or name the state folder of one with --state-dir",
            )
        yield client


@contextmanager
def running(where: Where) -> Iterator[ControlClient]:
    """Connect to the running peer or RS. Raises Failure, also in place of a ControlError in the block."""
    client = ControlClient(where.state_dir)
    with _failures():
        try:
            client.get("status")
        except ControlError as error:
            if error.kind != "not-running":
                raise
            raise exits.Failure(
                exits.USAGE,
                f"no peer is running on {where.state_dir}: start one with 'twistd -n p2p-peer{_folder(where, 'peer')} "
                "--rs-host HOST', or name the state folder of a peer or an RS with --state-dir",
            ) from None
        yield client


@contextmanager
def _loading(where: Where) -> Iterator[None]:
    """Load modules in the block without what would only take time: TLS too, where it is not used."""
    with without_collector(), nullcontext() if where.tls else without_tls():
        yield


def _start_or_join(where: Where, share: Sequence[Share], stack: ExitStack, client: ControlClient) -> tuple[Any, Any]:
    """Return an OwnPeer, as `_start` does, and no status; or none, and the status of a peer that has just started.

    While another process holds the state folder, it is about to answer, or to end. Raises Failure.
    """
    with _loading(where):
        from ..config.state_folder import HeldError, check_not_held  # and Twisted with it

    until = time.monotonic() + START_TIME
    while True:
        try:
            check_not_held(where.state_dir)
            return _start(where, share, stack), None
        except HeldError as error:
            if (status := _status(client, "peer")) is not None:
                return None, status
            if time.monotonic() > until:
                raise exits.Failure(exits.FAILED, str(error)) from None
        time.sleep(POLL)


def _start(where: Where, share: Sequence[Share], stack: ExitStack) -> Any:
    """Start a peer here until `stack` is closed; return the OwnPeer. Raises Failure."""
    if not where.rs:
        raise exits.Failure(
            exits.USAGE,
            f"no peer is running on {where.state_dir}: start one with 'twistd -n p2p-peer{_folder(where, 'peer')} "
            "--rs-host HOST', or make this command a peer with --rs-host HOST",
        )
    with _loading(where):
        from .own_peer import OwnPeer

        return stack.enter_context(OwnPeer(where.state_dir, where.rs, share, where.tls))


def _folder(where: Where, role: str) -> str:
    return "" if str(where.state_dir) == default_state_dir(role) else f" --state-dir {where.state_dir}"


def _status(client: ControlClient, role: str) -> Any:
    """Return the status of the process on the state folder, None without one. Raises Failure if it has another role."""
    try:
        status = client.get("status")
    except ControlError as error:
        if error.kind != "not-running":
            raise
        return None
    if status["role"] != role:
        found = {"rs": "an RS", "peer": "a peer"}[status["role"]]
        raise exits.Failure(exits.USAGE, f"the process on this state folder is {found}; name another with --state-dir")
    return status


def _is_one_of(rs: Mapping[str, Any], given: Sequence[Rs]) -> bool:
    return any(rs["host"] == host and port in (None, rs["port"]) for host, port in given)


def _is_starting(status: Mapping[str, Any]) -> bool:
    """Return whether a peer started a moment ago and has yet to read its folders and register."""
    rs = status["rs"]
    return not rs["registered"] and rs["last_error"] is None and status["uptime"] < START_TIME


def _wait_registered(client: ControlClient, deadline: float | None, pause: Callable[[float], None]) -> None:
    """Return when our own peer is registered, or when others answer that it knew before.

    `pause` waits so many seconds until the next look. Raises Failure when the RS cannot be had, or not by `deadline`.
    """
    pause(POLL)
    while not (rs := (found := client.get("status"))["rs"])["registered"]:
        if rs["last_error"]:
            if not found["peers"] or not (others := refresh(client, deadline)["peers"]):
                raise exits.Failure(exits.RS_UNREACHABLE, rs_trouble(rs) or "")
            return warn(f"{rs_trouble(rs)}; asking {count(others, 'peer')} known from before")
        if deadline is not None and time.monotonic() >= deadline:
            raise exits.Failure(exits.TIMEOUT, f"RS {rs['host']}:{rs['port']} has not answered in time")
        pause(POLL)


def refresh(client: ControlClient, deadline: float | None) -> Any:
    """Make the peer query the RS and the others, until `deadline` (monotonic) at most; return its status."""
    timeout = REFRESH_TIMEOUT if deadline is None else max(POLL, deadline - time.monotonic())
    return client.post("refresh", timeout=timeout)


def rs_trouble(rs: Mapping[str, Any]) -> str | None:
    """Return the reason why `rs`, of the status of a peer, sends it nothing; None if it does."""
    address, why = f"RS {rs['host']}:{rs['port']}", rs["last_error"]
    if not rs["registered"]:
        where = "" if rs["others"] or not rs["host"] else f" with {address}"
        return f"not registered{where}: {why or 'still trying'}"
    return f"{address} did not send the list of peers: {why}" if why else None


def wait_for_others(client: ControlClient) -> None:
    """Return when no other command's download runs on our own peer any more."""
    warned = False
    while any(download["ended"] is None for download in client.get("downloads")["items"]):
        if not warned:
            warn("done; waiting for another p2p command that still fetches through this one")
            warned = True
        time.sleep(10 * POLL)


@contextmanager
def _failures() -> Iterator[None]:
    """End the command at a ControlError."""
    try:
        yield
    except ControlError as error:
        code = exits.TIMEOUT if error.kind == "timeout" else exits.USAGE if error.status == 400 else exits.FAILED
        raise exits.Failure(code, error.text) from None


@contextmanager
def _signals() -> Iterator[None]:
    """End the command at SIGTERM, and at SIGHUP unless it is ignored, as at Ctrl-C."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
