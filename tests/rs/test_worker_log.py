"""The lines of a worker's log, from the worker to the log of its supervisor."""

from __future__ import annotations

import io

from twisted.logger import LogEvent, Logger, LogPublisher, formatEvent

from p2p_twisted.rs.worker_log import MAX_LOG_LINE, LinesForSupervisor, WorkerLog
from tests.support.captured_log import captured_log


def written(say: str, level: str = "warn", **fields: object) -> bytes:
    """Return the lines of an event in a worker."""
    file = io.StringIO()
    log = Logger("p2p.test", observer=LogPublisher(LinesForSupervisor(file)))
    getattr(log, level)(say, **fields)
    return file.getvalue().encode()


def relayed(*chunks: bytes) -> list[LogEvent]:
    worker = WorkerLog(3)
    with captured_log() as log:
        for chunk in chunks:
            worker.received(chunk)
        worker.ended()
    return list(log)


def test_level_namespace_and_text_arrive() -> None:
    (event,) = relayed(written("{who} is here", who="somebody"))
    assert formatEvent(event) == "worker 3: somebody is here"
    assert (event["log_level"].name, event["log_namespace"]) == ("warn", "p2p.test")


def test_a_text_of_a_stranger_is_no_format() -> None:
    (event,) = relayed(written("{text}", text="{log_level} {0!r}\n{"))
    assert formatEvent(event) == "worker 3: {log_level} {0!r}\n{"


def test_lines_arrive_in_any_pieces() -> None:
    data = written("one") + written("two")
    for at in range(0, len(data), 7):
        assert [formatEvent(event) for event in relayed(data[:at], data[at:])] == ["worker 3: one", "worker 3: two"]


def test_a_traceback_is_one_event() -> None:
    file = io.StringIO()
    log = Logger("p2p.test", observer=LogPublisher(LinesForSupervisor(file)))
    try:
        raise ValueError("bad")
    except ValueError:
        log.failure("while testing")
    (event,) = relayed(file.getvalue().encode())
    assert event["log_level"].name == "critical" and "ValueError: bad" in formatEvent(event)


def test_what_is_no_line_of_a_log_is_an_error() -> None:
    for line in (b"Segmentation fault\n", b"p2p-rs: no such folder", b"[1]\n", b'{"level": "loud"}\n', b"\xff\n"):
        (event,) = relayed(line)
        assert event["log_level"].name == "error" and formatEvent(event).startswith("worker 3: "), line


def test_a_line_without_an_end_needs_no_memory() -> None:
    events = relayed(*[b"x" * 1024] * (3 * MAX_LOG_LINE // 1024))
    assert 2 <= len(events) <= 3


def test_a_worker_whose_supervisor_is_gone_goes_on() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    LogPublisher(LinesForSupervisor(Gone()))({"log_format": "x", "log_namespace": "n"})
