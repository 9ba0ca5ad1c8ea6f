"""The states of a server's connection, in one table. Pure: it does no I/O and reads no clock.

Theory of operation. A connection is always in one `State`, whose fields say what it allows: whether bytes that come
are read, whether answers are written, which timeout runs, and how the connection is closed on entering it. Whatever
happens is an `Event`; `TRANSITIONS` has a row for each state that maps each event possible there to the next state, or
to IGNORE. An event that is not in the row cannot happen unless this program has an error: `step` raises. Events
that come from outside (the transport, the sweep of the factory, the end of the server) are in every row where they can
come. `server.py` turns Twisted's callbacks into events, carries out the actions, and keeps the time.

::

    CONNECTED -> RECEIVING -> ANSWERING -> IDLE        a request is read and answered; then the next one
                              ANSWERING <-> FULL       enough requests wait: reading is paused
    ... -> LAST, LAST_LINGERING, LAST_AFTER_EOF        the last requests are being answered
    LAST, LAST_AFTER_EOF -> CLOSING -> LOST            the answers are flushed, then the connection is closed
    LAST_LINGERING -> HALF_CLOSING -> HALF_CLOSED      the client may still be sending: to close now would reset the
                   -> CLOSING -> LOST                  connection and lose the answers that it has not read yet
    ... -> ABORTED -> LOST                             a timeout, an error of this program, or the end of the server

A timeout runs from the moment its state is entered. A whole answer has one timeout: it goes on from one answering state
to another, and starts again with each PROGRESS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto

REQUEST_TIMEOUT = 30
"""Seconds in which a request must be complete, from its first byte (or from the connection's start) on."""
IDLE_TIMEOUT = 120
"""Seconds that a 1.1 connection may stay open with no request."""
STALL_TIMEOUT = 60
"""Seconds without progress after which an answer is given up."""
CLOSE_TIMEOUT = 10
"""Seconds that the client has to read the last answer, and then to close."""


class Action(IntEnum):
    """An action on entering a state: a way to close the connection."""

    HALF_CLOSE = auto()
    """Close this side once everything is sent, under TLS by a close_notify. Where that cannot be, only send all."""
    CLOSE = auto()
    """Close the connection once everything is sent."""
    ABORT = auto()
    """Close the connection now; what is not sent is lost."""


@dataclass(frozen=True, eq=False)
class State:
    """A state of a connection. Each is equal only to itself."""

    name: str
    timeout: float = math.inf
    """Seconds after which TIMEOUT happens."""
    reads: bool = False
    """Whether bytes that come are read; otherwise they are dropped."""
    paused: bool = False
    """Whether the transport is told to deliver no more; bytes on their way already are kept."""
    answers: bool = False
    """Whether a request is being answered, so that its handler may write."""
    fast: bool = False
    """Whether the fast path may answer at once: nothing is being answered."""
    action: Action | None = None
    """Carried out on entering the state."""

    def __repr__(self) -> str:
        return self.name


CONNECTED = State("CONNECTED", REQUEST_TIMEOUT, reads=True, fast=True)
"""Nothing has come yet."""
RECEIVING = State("RECEIVING", REQUEST_TIMEOUT, reads=True)
"""A part of a request has come; every earlier request is answered."""
IDLE = State("IDLE", IDLE_TIMEOUT, reads=True, fast=True)
"""Every request is answered, and none has begun (or only in the same packet as one before)."""
ANSWERING = State("ANSWERING", STALL_TIMEOUT, reads=True, answers=True)
"""A request is being answered; further ones are read ahead."""
FULL = State("FULL", STALL_TIMEOUT, reads=True, paused=True, answers=True)
"""A request is being answered, and as many wait as may."""
LAST = State("LAST", STALL_TIMEOUT, answers=True)
"""The last requests are being answered; the client sends nothing more that matters."""
LAST_AFTER_EOF = State("LAST_AFTER_EOF", STALL_TIMEOUT, answers=True)
"""The last requests are being answered; the client has closed its side."""
LAST_LINGERING = State("LAST_LINGERING", STALL_TIMEOUT, answers=True)
"""The last requests are being answered; the client may still be sending, and is read to its end before the close."""
HALF_CLOSING = State("HALF_CLOSING", CLOSE_TIMEOUT, action=Action.HALF_CLOSE)
"""Everything is answered, and not yet sent; the client may still be sending."""
HALF_CLOSED = State("HALF_CLOSED", CLOSE_TIMEOUT)
"""Everything is sent; the client has not closed its side yet."""
CLOSING = State("CLOSING", CLOSE_TIMEOUT, action=Action.CLOSE)
"""The connection closes once everything is sent."""
ABORTED = State("ABORTED", action=Action.ABORT)
"""The connection was aborted; the transport has yet to say that it is lost."""
LOST = State("LOST")
"""There is no connection any more."""


class Event(IntEnum):
    """Something that happens to a connection."""

    DATA = auto()
    """Bytes have come, in a state that reads."""
    REQUEST = auto()
    """A request is complete; others may follow."""
    QUEUE_FULL = auto()
    """As many requests wait as may."""
    LAST_REQUEST = auto()
    """A request is complete after which none is read."""
    LINGER = auto()
    """No further request is read, although the client may still be sending."""
    EOF = auto()
    """The client has closed its side, and may still read."""
    PROGRESS = auto()
    """The next answer begins, or some of an answer was sent."""
    ANSWERED = auto()
    """Every request read so far is answered."""
    FAILED = auto()
    """An answer cannot go on, because of an error of this program."""
    FLUSHED = auto()
    """Everything is sent, and this side is closed if the transport can do that."""
    TIMEOUT = auto()
    """The timeout of the state has run out."""
    CLOSE = auto()
    """The server wants to close the connection."""
    STOP = auto()
    """The server ends, or refuses the connection."""
    LOST = auto()
    """The transport says that there is no connection any more."""


IGNORE = None
"""The event changes nothing in this state."""
Row = Mapping[Event, State | None]

_ALWAYS: Row = {Event.TIMEOUT: ABORTED, Event.CLOSE: CLOSING, Event.STOP: ABORTED, Event.LOST: LOST}
_ANSWERS: Row = {**_ALWAYS, Event.FAILED: ABORTED, Event.EOF: LAST_AFTER_EOF, Event.LINGER: LAST_LINGERING}
_LATE: Row = dict.fromkeys((Event.PROGRESS, Event.ANSWERED, Event.FAILED, Event.LINGER, Event.FLUSHED), IGNORE)
"""Events that an abandoned answer may still report."""

TRANSITIONS: Mapping[State, Row] = {
    CONNECTED: {
        **_ALWAYS,
        Event.DATA: RECEIVING,
        Event.ANSWERED: IDLE,  # by the fast path, as in IDLE
        Event.REQUEST: ANSWERING,  # read whole, without the parser
        Event.LAST_REQUEST: LAST,
        Event.EOF: CLOSING,
    },
    RECEIVING: {
        **_ALWAYS,
        Event.DATA: IGNORE,
        Event.REQUEST: ANSWERING,
        Event.LAST_REQUEST: LAST,
        Event.LINGER: LAST_LINGERING,
        Event.EOF: CLOSING,
    },
    IDLE: {
        **_ALWAYS,
        Event.DATA: RECEIVING,
        Event.ANSWERED: IDLE,
        Event.REQUEST: ANSWERING,
        Event.LAST_REQUEST: LAST,
        Event.LINGER: LAST_LINGERING,
        Event.EOF: CLOSING,
    },
    ANSWERING: {
        **_ANSWERS,
        Event.DATA: IGNORE,
        Event.REQUEST: IGNORE,
        Event.QUEUE_FULL: FULL,
        Event.LAST_REQUEST: LAST,
        Event.PROGRESS: ANSWERING,
        Event.ANSWERED: IDLE,
    },
    FULL: {**_ANSWERS, Event.DATA: IGNORE, Event.PROGRESS: FULL, Event.ANSWERED: IDLE},
    LAST: {**_ANSWERS, Event.PROGRESS: LAST, Event.ANSWERED: CLOSING},
    LAST_AFTER_EOF: {
        **_ANSWERS,
        Event.EOF: IGNORE,
        Event.LINGER: IGNORE,
        Event.PROGRESS: LAST_AFTER_EOF,
        Event.ANSWERED: CLOSING,
    },
    LAST_LINGERING: {
        **_ANSWERS,
        Event.LINGER: IGNORE,
        Event.PROGRESS: LAST_LINGERING,
        Event.ANSWERED: HALF_CLOSING,
    },
    HALF_CLOSING: {**_ALWAYS, Event.EOF: CLOSING, Event.FLUSHED: HALF_CLOSED},
    HALF_CLOSED: {**_ALWAYS, Event.EOF: CLOSING, Event.TIMEOUT: CLOSING},
    CLOSING: {**_ALWAYS, **_LATE, Event.EOF: IGNORE, Event.CLOSE: IGNORE},
    ABORTED: {**_LATE, Event.EOF: IGNORE, Event.CLOSE: IGNORE, Event.STOP: IGNORE, Event.LOST: LOST},
    LOST: {**_LATE, Event.EOF: IGNORE, Event.CLOSE: IGNORE, Event.STOP: IGNORE, Event.LOST: IGNORE},
}
"""The next state for each state and event; IGNORE where nothing changes. Any other event there is an error."""


class ImpossibleEvent(Exception):
    """An event happened in a state in which it cannot: an error in this program."""


def restarts_timeout(old: State, event: Event, new: State) -> bool:
    """Return whether the timeout of `new` runs from now on, rather than the one that runs already."""
    return event is Event.PROGRESS or not (old.answers and new.answers)


_STEPS = {
    state: {event: (new, new is not None and restarts_timeout(state, event, new)) for event, new in row.items()}
    for state, row in TRANSITIONS.items()
}
"""`TRANSITIONS` with `restarts_timeout`: one look-up for each event, of which there are many."""


def step(state: State, event: Event) -> tuple[State | None, bool]:
    """Return the state after `event`, IGNORE if it changes nothing, and whether its timeout starts now.

    Raises ImpossibleEvent.
    """
    try:
        return _STEPS[state][event]
    except KeyError:
        raise ImpossibleEvent(f"{event.name} in {state}") from None
