"""The table of the connection's states: complete, without traps, and the same rules in every row."""

from __future__ import annotations

import math
from itertools import product

import pytest

from p2p_twisted.net import connection_state as states
from p2p_twisted.net.connection_state import (
    ABORTED,
    ANSWERING,
    CLOSING,
    CONNECTED,
    FULL,
    HALF_CLOSED,
    HALF_CLOSING,
    IDLE,
    IGNORE,
    LAST,
    LAST_AFTER_EOF,
    LAST_LINGERING,
    LOST,
    RECEIVING,
    TRANSITIONS,
    Action,
    Event,
    ImpossibleEvent,
    State,
    restarts_timeout,
    step,
)

STATES = [state for state in vars(states).values() if isinstance(state, State)]
LIVE = [state for state in STATES if state not in (ABORTED, LOST)]
FROM_OUTSIDE = {Event.EOF, Event.CLOSE, Event.STOP, Event.LOST}
IMPOSSIBLE = {
    CONNECTED: {"QUEUE_FULL", "LINGER", "PROGRESS", "FAILED", "FLUSHED"},
    RECEIVING: {"QUEUE_FULL", "PROGRESS", "ANSWERED", "FAILED", "FLUSHED"},
    IDLE: {"QUEUE_FULL", "PROGRESS", "FAILED", "FLUSHED"},
    ANSWERING: {"FLUSHED"},
    FULL: {"REQUEST", "QUEUE_FULL", "LAST_REQUEST", "FLUSHED"},
    LAST: {"DATA", "REQUEST", "QUEUE_FULL", "LAST_REQUEST", "FLUSHED"},
    LAST_AFTER_EOF: {"DATA", "REQUEST", "QUEUE_FULL", "LAST_REQUEST", "FLUSHED"},
    LAST_LINGERING: {"DATA", "REQUEST", "QUEUE_FULL", "LAST_REQUEST", "FLUSHED"},
    HALF_CLOSING: {
        *("DATA", "REQUEST", "QUEUE_FULL", "LAST_REQUEST"),
        *("LINGER", "PROGRESS", "ANSWERED", "FAILED"),
    },
    HALF_CLOSED: {
        *("DATA", "REQUEST", "QUEUE_FULL", "LAST_REQUEST", "FLUSHED"),
        *("LINGER", "PROGRESS", "ANSWERED", "FAILED"),
    },
    CLOSING: {"DATA", "REQUEST", "QUEUE_FULL", "LAST_REQUEST"},
    ABORTED: {"DATA", "REQUEST", "QUEUE_FULL", "LAST_REQUEST", "TIMEOUT"},
    LOST: {"DATA", "REQUEST", "QUEUE_FULL", "LAST_REQUEST", "TIMEOUT"},
}
"""The events that would be errors of the program, for each state."""


def by_name(state: State) -> str:
    return state.name


def test_every_state_has_its_row_and_its_name() -> None:
    assert set(TRANSITIONS) == set(STATES) == set(IMPOSSIBLE)
    assert all(getattr(states, state.name) is state for state in STATES)


@pytest.mark.parametrize(("state", "event"), list(product(STATES, Event)), ids=str)
def test_every_event_is_defined_or_an_error(state: State, event: Event) -> None:
    if event.name in IMPOSSIBLE[state]:
        with pytest.raises(ImpossibleEvent, match=f"{event.name} in {state.name}"):
            step(state, event)[0]
    else:
        assert step(state, event)[0] in (*STATES, IGNORE)


@pytest.mark.parametrize("state", STATES, ids=by_name)
def test_outside_events_are_defined_in_every_state(state: State) -> None:
    assert TRANSITIONS[state].keys() >= FROM_OUTSIDE
    assert (Event.TIMEOUT in TRANSITIONS[state]) == (state.timeout < math.inf)
    assert (Event.DATA in TRANSITIONS[state]) == state.reads


@pytest.mark.parametrize("state", LIVE, ids=by_name)
def test_a_state_ends_in_time_when_nothing_happens(state: State) -> None:
    passed = 0.0
    while state is not ABORTED:
        passed += state.timeout
        following = step(state, Event.TIMEOUT)[0]
        assert following is not None
        state = following
    assert passed <= max(states.IDLE_TIMEOUT, states.REQUEST_TIMEOUT, states.STALL_TIMEOUT, 2 * states.CLOSE_TIMEOUT)
    assert state.action is Action.ABORT


def test_every_state_can_be_reached() -> None:
    reached, new = {CONNECTED}, [CONNECTED]
    while new:
        following = {state for state in TRANSITIONS[new.pop()].values() if state is not None} - reached
        reached |= following
        new += following
    assert reached == set(STATES)


def test_there_is_no_way_back_from_the_end() -> None:
    def after(state: State) -> set[State]:
        return {following for following in TRANSITIONS[state].values() if following is not None}

    closed = {CLOSING, ABORTED, LOST}
    assert all(after(state) <= closed for state in closed)
    assert after(LOST) == set()
    closing = {HALF_CLOSING, HALF_CLOSED, *closed}
    assert all(after(state) <= closing for state in closing)
    last = {LAST, LAST_AFTER_EOF, LAST_LINGERING, *closing}
    assert all(after(state) <= last for state in last)
    assert not any(state.reads for state in last)
    assert not any(state.reads or state.answers for state in closing)


def test_an_answer_has_one_timeout() -> None:
    """It goes on while requests are read ahead and the client closes its side; progress starts it again."""
    answering = [state for state in STATES if state.answers]
    assert {state.timeout for state in answering} == {states.STALL_TIMEOUT}
    for state in answering:
        assert step(state, Event.PROGRESS)[0] is state
        assert restarts_timeout(state, Event.PROGRESS, state)
    for state, event in product(answering, set(Event) - {Event.PROGRESS}):
        following = TRANSITIONS[state].get(event)
        if following is not None:
            assert restarts_timeout(state, event, following) == (not following.answers)


def test_a_request_must_be_complete_in_time_from_its_first_byte() -> None:
    for state in (CONNECTED, IDLE):
        assert step(state, Event.DATA)[0] is RECEIVING
        assert restarts_timeout(state, Event.DATA, RECEIVING)
    assert step(RECEIVING, Event.DATA)[0] is IGNORE


def test_only_a_full_queue_pauses_reading() -> None:
    assert [state for state in STATES if state.paused] == [FULL]


def test_the_fast_path_is_for_idle_connections() -> None:
    fast = [state for state in STATES if state.fast]
    assert fast == [CONNECTED, IDLE]
    for state in fast:
        assert step(state, Event.ANSWERED)[0] is IDLE
        assert step(state, Event.LAST_REQUEST)[0] is LAST


def test_a_client_that_may_still_be_sending_is_waited_for() -> None:
    steps = [Event.DATA, Event.LINGER, Event.ANSWERED, Event.FLUSHED, Event.EOF]
    passed, state = [], CONNECTED
    for event in steps:
        following = step(state, event)[0]
        assert following is not None
        state = following
        passed.append(state)
    assert passed == [RECEIVING, LAST_LINGERING, HALF_CLOSING, HALF_CLOSED, CLOSING]
    assert step(ANSWERING, Event.LINGER)[0] is LAST_LINGERING
    assert step(LAST_AFTER_EOF, Event.LINGER)[0] is IGNORE
