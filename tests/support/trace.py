"""A trace of the functions of the package that run, and of the bytes that come and go meanwhile."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import p2p_twisted

ROOT = Path(p2p_twisted.__file__).parent
PUBLISH = "p2p_twisted.events.publisher", "publish"
SENDING, WRITING = ("send", "sendfile"), ("pwrite", "pwritev")
"""C functions that put bytes on a socket, and on the disk."""
MARKS = {"dataReceived": "data", "write": "data", "request": "method"}
"""Functions of Twisted and of http.client, and the argument that tells their calls apart."""


class Trace:
    """The functions of the package that were called, and marks between which they are counted.

    Each of `events` is a pair: a module and its function; a key of MARKS and the beginning of that argument; or
    "system" and a C function.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self._modules: dict[str, str] = {}
        self._publishing: FrameType | None = None
        """The call that publishes an event at the moment: its listeners are a branch, which nothing passes through."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Note calls in this thread, and in those that are started meanwhile and do not opt out."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def first(self, kind: str, beginnings: str | tuple[str, ...] = "", after: int = 0) -> int:
        """Return the index of the first event, from `after` on, of this kind and with one of these beginnings.

        Raises LookupError if there is none, as `last` does.
        """
        return self._found(range(after, len(self.events)), kind, beginnings)

    def last(self, kind: str, beginnings: str | tuple[str, ...] = "", before: int | None = None) -> int:
        """Return the index of the last such event before `before`."""
        return self._found(reversed(range(len(self.events) if before is None else before)), kind, beginnings)

    def modules(self, start: int, end: int) -> list[str]:
        """Return the modules whose functions were called from event `start` to before `end`, as they were reached."""
        found = dict.fromkeys(kind for kind, _ in self.events[start:end])
        return [kind for kind in found if kind != "system" and kind not in MARKS]

    def _found(self, indices: Iterable[int], kind: str, beginnings: str | tuple[str, ...]) -> int:
        for i in indices:
            if self._is(i, kind, beginnings):
                return i
        raise LookupError(f"there is no event {kind} {beginnings}")

    def _is(self, i: int, kind: str, beginnings: str | tuple[str, ...]) -> bool:
        return kind in self.events[i][0] and self.events[i][1].startswith(beginnings)

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if self._publishing is not None:
            if event == "return" and frame is self._publishing:
                self._publishing = None
            return
        if event == "c_call" and argument.__name__ in SENDING + WRITING:
            self.events.append(("system", argument.__name__))
        if event != "call":
            return
        if code.co_name in MARKS:
            self._mark(code.co_name, frame.f_locals.get(MARKS[code.co_name]))
        if code.co_flags & inspect.CO_OPTIMIZED and (module := self._module(code.co_filename)):  # no class, no import
            self.events.append((module, code.co_name))
            if (module, code.co_name) == PUBLISH:
                self._publishing = frame

    def _mark(self, function: str, value: object) -> None:
        if isinstance(value, bytes | str):
            self.events.append((function, value[:40] if isinstance(value, str) else value[:40].decode("latin-1")))

    def _module(self, file: str) -> str:
        """Return the module of the package that `file` has, "" if it has none."""
        if file not in self._modules:
            path = Path(file)
            parts = path.relative_to(ROOT.parent).with_suffix("").parts if ROOT in path.parents else ()
            self._modules[file] = ".".join(parts)
        return self._modules[file]
