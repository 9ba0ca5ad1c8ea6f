"""When the changes of an index are due to be announced: what helps others at once, the rest when it costs nothing."""

from __future__ import annotations

import math

import pytest

from p2p_twisted.peer.serving.announcing import (
    ALONE_INTERVAL,
    BATCH_INTERVAL,
    BATCH_INTERVAL_EACH,
    BUSY_INTERVAL,
    BUSY_TIME,
    COPIES_INTERVAL,
    IDLE_TIME,
    PIECES_INTERVAL,
    TOLD_INTERVAL,
    Announcing,
    Due,
)


def test_nothing_is_due_before_something_changes() -> None:
    times = Announcing()
    times.content_sent(1)
    assert times.due == math.inf
    assert times.announced(1) == Due(copies=False, documents=False)


def test_the_first_change_of_documents_is_due_at_once_and_the_next_in_a_batch() -> None:
    times = Announcing()
    times.documents_changed(5, 2, told=False)
    assert times.due == 5
    assert times.announced(5) == Due(copies=False, documents=True)
    times.documents_changed(5.01, 2, told=False)
    assert times.due == pytest.approx(5 + BATCH_INTERVAL)
    times.announced(times.due)
    times.documents_changed(5.2, 100, told=False)
    assert times.due == pytest.approx(5 + BATCH_INTERVAL + 100 * BATCH_INTERVAL_EACH)


@pytest.mark.parametrize(("told", "interval"), [(False, BUSY_INTERVAL), (True, TOLD_INTERVAL)])
def test_documents_wait_while_content_is_sent(told: bool, interval: float) -> None:
    times = Announcing()
    times.content_sent(5)
    times.documents_changed(5 + BUSY_TIME / 2, 1, told)
    assert times.due == 5 + BUSY_TIME / 2 + interval
    times.documents_changed(5 + BUSY_TIME, 1, told)
    assert times.due == 5 + BUSY_TIME, "nothing is being sent any more"


def test_a_document_that_nobody_was_told_of_does_not_wait_for_one_that_they_were() -> None:
    times = Announcing()
    times.content_sent(5)
    times.documents_changed(5, 1, told=True)
    times.documents_changed(5.5, 1, told=False)
    assert times.due == 5.5 + BUSY_INTERVAL


def test_a_download_that_starts_is_due_at_once() -> None:
    times = Announcing()
    times.content_sent(5)
    times.download_started(5)
    assert times.due == 5


def test_pieces_that_nobody_else_was_given_are_due_before_those_of_files_of_many() -> None:
    times = Announcing()
    times.content_sent(5)
    times.piece_verified(5, alone=False)
    assert times.due == 5 + PIECES_INTERVAL
    times.piece_verified(6, alone=True)
    assert times.due == 6 + ALONE_INTERVAL
    assert times.announced(6 + ALONE_INTERVAL) == Due(copies=False, documents=False)
    assert times.due == math.inf


def test_copies_are_due_when_nothing_is_sent_or_after_a_while() -> None:
    times = Announcing()
    times.copy_verified(5)
    assert times.due == pytest.approx(5 + ALONE_INTERVAL)
    times.content_sent(5.005)
    assert times.due == pytest.approx(5.005 + IDLE_TIME)
    times.content_sent(5 + COPIES_INTERVAL)
    assert times.due == 5 + COPIES_INTERVAL
    assert times.announced(5 + COPIES_INTERVAL) == Due(copies=True, documents=False)
    assert times.due == math.inf


def test_copies_wait_though_something_else_is_announced() -> None:
    times = Announcing()
    times.content_sent(5)
    times.copy_verified(5)
    times.piece_verified(5, alone=True)
    assert times.announced(5 + ALONE_INTERVAL) == Due(copies=False, documents=False)
    assert times.due == 5 + IDLE_TIME
