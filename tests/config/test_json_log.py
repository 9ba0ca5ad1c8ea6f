"""The log as lines of JSON, of an event and of a process."""

from __future__ import annotations

import json
import math
import signal
from io import StringIO
from typing import Any

import pytest
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile

from p2p_twisted.config.json_log import MAX_FIELD, JsonLog, log_as_json
from p2p_twisted.config.settings import SettingsError
from tests.support.twistd import ended, home, wait_for


def lines(text: str) -> list[dict[str, Any]]:
    assert text.isascii() and text.isprintable() is False and "\x7f" not in text
    return [json.loads(line) for line in text.splitlines()]


def logged(text: str, **fields: Any) -> dict[str, Any]:
    """Return the line of one event of the level `warn`."""
    file = StringIO()
    Logger("some.module", observer=JsonLog(file)).warn(text, **fields)
    [line] = lines(file.getvalue())
    return line


def test_a_line_has_time_level_namespace_message_and_fields() -> None:
    line = logged("{host} left after {seconds} s", host="192.0.2.1", seconds=1.5, quiet=True, none=None)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warn",
        "namespace": "some.module",
        "message": "192.0.2.1 left after 1.5 s",
        "fields": {"host": "192.0.2.1", "seconds": 1.5, "quiet": True, "none": None},
    }


def test_text_of_strangers_stays_inside_its_string() -> None:
    hostile = 'a"}\n{"level": "critical"}\x1b[2J\x7f\u202e\r\x00'
    line = logged("{said}", said=hostile)
    assert (line["message"], line["fields"]["said"]) == (hostile, hostile)


def test_a_field_is_bounded_and_need_not_be_of_json() -> None:
    line = logged("x", long="y" * 5000, number=math.nan, thing=ValueError("z"))
    assert line["fields"] == {"long": "y" * MAX_FIELD, "number": "nan", "thing": "z"}


def test_a_failure_has_its_traceback() -> None:
    file = StringIO()
    publisher = LogPublisher(JsonLog(file))
    try:
        raise ValueError("an error of this program")
    except ValueError:
        Logger("some.module", observer=publisher).failure("while answering", Failure())
    [line] = lines(file.getvalue())
    assert (line["level"], line["message"]) == (LogLevel.critical.name, "while answering")
    assert "ValueError: an error of this program" in line["traceback"]


def test_another_file_begins_with_the_event_after_a_rotation(tmp_path: Any) -> None:
    path = tmp_path / "rs.log"
    log = JsonLog(LogFile.fromFullPath(str(path)))
    logger = Logger("some.module", observer=log)
    logger.info("first")
    log.rotate()
    logger.info("second")
    found = [json.loads(name.read_text())["message"] for name in (tmp_path / "rs.log.1", path)]
    assert found == ["first", "second"]


@pytest.mark.parametrize("other", [{"syslog": True}, {"logger": print}])
def test_it_is_not_for_another_log(other: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"leave out --{next(iter(other))}"):
        log_as_json(other)


@pytest.mark.slow
def test_a_process_logs_nothing_else() -> None:
    with home() as user:
        log = user.here / "rs.log"
        process = user.start(user.state("rs"), "--logfile", str(log), *user.rs(), "--log-format", "json")
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: process.poll() is None)
        assert ended(process) == -signal.SIGTERM
        found = [line for path in (log.with_name("rs.log.1"), log) for line in lines(path.read_text())]
        assert {line["level"] for line in found} == {"info"}
        messages = " ".join(line["message"] for line in found)
        assert "starting up" in messages and "Server Shut Down" in messages


@pytest.mark.slow
def test_to_stdout_and_as_a_bad_option() -> None:
    with home() as user:
        process = user.start(user.state("rs"), *user.rs(), "--log-format", "json")
        ended(process)
        [log] = user.home.rglob("rs-*.log")
        assert len(lines(log.read_text())) > 3
        done = user.run("-n", "--syslog", *user.rs(), "--log-format", "json")
        assert (done.returncode, done.stderr) == (
            2,
            "p2p-rs: --log-format json writes to stdout or to --logfile; leave out --syslog\n",
        )
