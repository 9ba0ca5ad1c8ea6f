"""Files that are not shared: what the log says of them."""

from __future__ import annotations

from twisted.logger import formatEvent

from p2p_twisted.library.unshared import Report, Unshared
from tests.support.captured_log import captured_log


def test_a_path_in_the_log_is_one_line_that_can_be_read() -> None:
    """Anybody who may put a file into a shared folder could otherwise write lines of his own into the log."""
    failures, refused = Unshared(), Unshared()
    failures.add("/share/a\n2026-11-26 all is well\udcff", "Permission denied")
    refused.add("/share/photo\u202egpj.exe", "is a link; links are not followed")
    with captured_log() as events:
        Report().walked(failures, refused)
    assert [formatEvent(event) for event in events] == [
        "not shared: /share/a\\n2026-11-26 all is well\\udcff: Permission denied",
        "not shared: /share/photo\\u202egpj.exe: is a link; links are not followed",
    ]
