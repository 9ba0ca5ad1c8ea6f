"""Ctrl-C, SIGTERM and SIGHUP as KeyboardInterrupt, held back during steps that must not be interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_Handler = Callable[[int, FrameType | None], object] | int | None


class Interrupts:
    """While the ``with`` block runs, the three signals raise KeyboardInterrupt, except those that were ignored before.

    In ``with interrupts.held():`` they wait until its end. In a thread other than the main one it does nothing.
    """

    def __init__(self) -> None:
        self._old: dict[signal.Signals, _Handler] = {}
        self._holds = 0
        self._pending = False

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._old[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        while self._old:
            number, handler = self._old.popitem()
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Run the block without interruption; raise KeyboardInterrupt at its end if a signal arrived meanwhile."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        self._deliver()

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        self._pending = True
        self._deliver()

    def _deliver(self) -> None:
        if self._pending and not self._holds:
            self._pending = False
            raise KeyboardInterrupt
