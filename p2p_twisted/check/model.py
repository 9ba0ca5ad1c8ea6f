"""A check, the three ways in which it ends other than by passing, and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any, Generic, TypeVar

from .transcript import Entry

S = TypeVar("S")
"""What a check is run against, for example a Server."""

DEADLINE = 20.0
"""Seconds that a check may take, unless it says otherwise."""


class Verdict(Enum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "fail"
    NOT_OFFERED = "not offered"
    UNKNOWN = "could not tell"


class NotPassed(Exception):
    """A check ends without passing: `seen` says what happened, `mend` what to do about it. A sentence each."""

    verdict = Verdict.FAIL

    def __init__(self, seen: str, mend: str = "") -> None:
        super().__init__(seen)
        self.seen = seen
        self.mend = mend


class Failed(NotPassed):
    """The server departs from the specification."""


class NotOffered(NotPassed):
    """The server does not have what the check is about, and need not have it."""

    verdict = Verdict.NOT_OFFERED


class CannotTell(NotPassed):
    """Something else kept the check from finding out."""

    verdict = Verdict.UNKNOWN


@dataclass(frozen=True)
class Check(Generic[S]):
    """A named check. It runs by sending and reading, passes by returning, and ends otherwise by raising NotPassed.

    `title` says what is right. `section` is the heading of docs/protocol.rst that demands it. `needs` are the messages
    that a profile must spell for the check to apply. `level` is "" or the profile level that it belongs to, for example
    "1.1". `basis` are checks that must not have failed before, for this one would only repeat their fault. `deadline`
    is in seconds, `ttls` in TTLs of the server on top of it; with `ttls` it needs a TTL to be known.
    """

    id: str
    group: str
    title: str
    section: str
    run: Callable[[S], None]
    needs: tuple[str, ...] = ()
    level: str = ""
    mandatory: bool = True
    deadline: float = DEADLINE
    ttls: float = 0
    basis: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """How a check ended; `mandatory` as the profile has it, `seconds` that it took, and what was sent and got."""

    id: str
    group: str
    title: str
    section: str
    mandatory: bool
    verdict: Verdict
    seen: str = ""
    mend: str = ""
    seconds: float = 0.0
    transcript: tuple[Entry, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the server did what the check is about."""
        return self.verdict is Verdict.PASS

    @property
    def bad(self) -> bool:
        """Whether the server as a whole does not pass because of this check."""
        return self.mandatory and self.verdict in (Verdict.FAIL, Verdict.UNKNOWN)


def check(
    id_: str,
    title: str,
    *,
    group: str,
    section: str,
    needs: tuple[str, ...] = (),
    level: str = "",
    mandatory: bool = True,
    deadline: float = DEADLINE,
    ttls: float = 0,
    basis: tuple[str, ...] = (),
) -> Callable[[Callable[[S], None]], Check[S]]:
    """Make the decorated function a Check."""

    def made(run: Callable[[S], None]) -> Check[S]:
        return Check(id_, group, title, section, run, needs, level, mandatory, deadline, ttls, basis)

    return made


def checks_of(*modules: ModuleType) -> tuple[Check[Any], ...]:
    """Return the checks that `modules` define, in the order in which they stand there."""
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Check))
