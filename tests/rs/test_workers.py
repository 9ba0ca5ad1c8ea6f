"""A place for a worker: its process, on a reactor that only notes what is started, and when the next one starts."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from p2p_twisted.rs import tap
from p2p_twisted.rs.worker import LIFELINE, PORT, WORKER, worker_environment
from p2p_twisted.rs.workers import (
    FIRST_DELAY,
    MAX_DELAY,
    STEADY_TIME,
    STOP_TIMEOUT,
    Restarts,
    WorkerSeat,
    worker_command,
)


class Reactor(Clock):
    """Notes the processes that are to be started."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[Process] = []
        self.error: OSError | None = None

    def spawnProcess(self, protocol: Any, *arguments: Any, **options: Any) -> Process:
        if self.error is not None:
            raise self.error
        self.processes.append(Process(protocol, arguments, options))
        return self.processes[-1]


class Process:
    """A process that runs until `end`."""

    def __init__(self, protocol: Any, arguments: Any, options: Any) -> None:
        self.protocol, self.arguments, self.options = protocol, arguments, options
        self.signals: list[int] = []
        self.is_gone = False

    def signalProcess(self, number: int) -> None:
        if self.is_gone:
            raise ProcessExitedAlready
        self.signals.append(number)

    def end(self) -> None:
        self.protocol.processEnded(Failure(ProcessTerminated(None, 9)))


class Port:
    """A SharedPort that gives sockets of nobody."""

    def __init__(self) -> None:
        self.opened: list[tuple[socket.socket, bool]] = []

    def open(self, listening: bool) -> socket.socket:
        self.opened.append((socket.socket(), listening))
        return self.opened[-1][0]


class Place:
    """A seat that has started its first process."""

    def __init__(self) -> None:
        self.reactor, self.port = Reactor(), Port()
        self.ended: list[int] = []
        port: Any = self.port
        self.seat = WorkerSeat(self.reactor, 7, ["worker", "here"], Path("/nowhere"), port)
        self.seat.start(self.ended.append)


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_worker_gets_its_port_its_number_and_a_lifeline(place: Place) -> None:
    (process,) = place.reactor.processes
    program, command, environment = process.arguments
    assert (program, command, environment[WORKER]) == ("worker", ["worker", "here"], "7")
    (opened, listening), *others = place.port.opened
    assert listening and not others
    assert process.options["childFDs"].keys() == {LIFELINE, 1, 2, PORT}
    assert opened.fileno() == -1, "only the worker has it now"


def test_one_that_ends_is_started_again_later_and_later(place: Place) -> None:
    delay = FIRST_DELAY
    for number in range(1, 10):
        place.reactor.processes[-1].end()
        assert place.ended == [7] * number
        place.reactor.advance(delay * 0.99)
        assert len(place.reactor.processes) == number
        place.reactor.advance(delay * 0.02)
        assert len(place.reactor.processes) == number + 1
        delay = min(2 * delay, MAX_DELAY)
    assert [listening for _, listening in place.port.opened] == [True] + [False] * 9, "others serve meanwhile"


def test_one_that_cannot_be_started_is_tried_again(place: Place) -> None:
    place.reactor.error = OSError(11, "Resource temporarily unavailable")
    place.reactor.processes[-1].end()
    place.reactor.advance(FIRST_DELAY)
    place.reactor.error = None
    place.reactor.advance(2 * FIRST_DELAY)
    assert len(place.reactor.processes) == 2


def test_it_is_stopped_and_none_follows(place: Place) -> None:
    stopped: list[Any] = []
    place.seat.stop().addCallback(stopped.append)
    (process,) = place.reactor.processes
    assert process.signals == [signal.SIGTERM] and not stopped
    process.end()
    assert stopped == [None]
    place.reactor.advance(MAX_DELAY + STOP_TIMEOUT)
    assert process.signals == [signal.SIGTERM] and len(place.reactor.processes) == 1


def test_one_that_does_not_stop_is_killed(place: Place) -> None:
    place.seat.stop()
    place.reactor.advance(STOP_TIMEOUT)
    assert place.reactor.processes[0].signals == [signal.SIGTERM, signal.SIGKILL]


def test_between_two_processes_there_is_nothing_to_stop(place: Place) -> None:
    place.reactor.processes[-1].end()
    place.seat.signal(signal.SIGHUP)
    stopped: list[Any] = []
    place.seat.stop().addCallback(stopped.append)
    place.reactor.advance(MAX_DELAY)
    assert stopped == [None] and len(place.reactor.processes) == 1


def test_signals_are_passed_on(place: Place) -> None:
    place.seat.signal(signal.SIGHUP)
    assert place.reactor.processes[0].signals == [signal.SIGHUP]
    place.reactor.processes[0].is_gone = True
    place.seat.signal(signal.SIGHUP)


def test_one_that_ran_for_long_is_started_again_at_once() -> None:
    restarts = Restarts()
    assert [restarts.delay(0) for _ in range(3)] == [FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY]
    assert restarts.delay(STEADY_TIME) == 0
    assert restarts.delay(0) == FIRST_DELAY
    assert max(restarts.delay(0) for _ in range(20)) == MAX_DELAY


def test_a_worker_has_the_options_of_the_rs_but_its_own_folder(tmp_path: Path) -> None:
    config = tmp_path / "rs.conf"
    config.write_text("[rs]\nttl = 60\nworkers = 3\n")
    options = tap.Options()
    options.parseOptions(
        [
            "--config",
            str(config),
            "--allow",
            "10.0.0.0/8",
            "--allow",
            "::1",
            "--lab",
            "--web",
            "tcp:0",
            "--workers",
            "2",
        ]
    )
    command = worker_command(options, tmp_path / "workers/1")
    assert command[0] == sys.executable and "p2p-rs" in command
    worker = tap.Options()
    worker.parseOptions(command[command.index("p2p-rs") + 1 :])
    different = {name for name in options if options[name] != worker[name]}
    assert different == {"workers", "state-dir"}
    assert (worker["workers"], worker["state-dir"]) == (1, tmp_path / "workers/1")


def test_systemd_speaks_to_the_supervisor_alone() -> None:
    environment = worker_environment(2, {"HOME": "/", "NOTIFY_SOCKET": "x", "WATCHDOG_USEC": "1", "LISTEN_FDS": "1"})
    assert environment == {"HOME": "/", WORKER: "2"}
