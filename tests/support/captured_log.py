"""The log events of a block of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher


@contextmanager
def captured_log() -> Iterator[EventLoggingObserver]:
    """The observer of the events of the block; iterate over it to get them."""
    observer = EventLoggingObserver()
    globalLogPublisher.addObserver(observer)
    try:
        yield observer
    finally:
        globalLogPublisher.removeObserver(observer)
