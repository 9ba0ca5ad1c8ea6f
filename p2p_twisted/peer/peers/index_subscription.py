"""The subscription to the index of another peer: its present state, then each change, unfinished files included."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...net.client import ClientConnection
from ...net.errors import FetchError, Garbled
from ...net.lines import LINE_COST
from ...wire.address import Address
from ...wire.messages import INITIAL_VERSION, GetIndex, Response
from ...wire.records import IndexRecord
from .changes_sink import ChangesSink, Intake
from .pace import Pace
from .unfinished import Unfinished

UNFOLLOWED_TIME = 600
"""Seconds for which a peer that told of too many changes is not followed."""


class TooFast(Garbled):
    """The peer tells of more changes than it may."""


class PacedSink(ChangesSink):
    """Takes the answers of a peer that is followed, and reads one that is too fast more slowly. Fails with TooFast."""

    lists_all_parts = False

    def __init__(self, address: Address, intake: Intake, parts: Unfinished, takes_hearsay: bool) -> None:
        super().__init__(address, intake, parts, lambda size: None)
        self._pace = Pace()
        self._takes_hearsay = takes_hearsay

    def data(self, data: bytes) -> Deferred[None] | None:
        """Take the lines in `data`; return a Deferred if the peer must wait until it fires to tell of more."""
        before = self.count
        taking = super().data(data)
        if taking is None:
            return self._pause(self.count - before, 0)
        return taking.addCallback(lambda _: self._pause(self.count - before, 0))

    def answered(self) -> Deferred[None] | None:
        """Note the end of an answer; return a Deferred if the peer must wait until it fires to give another."""
        self.finish()
        if self._intake.slicer.may_do_at_once(LINE_COST):
            return self._pause(0, 1)
        return deferLater(self._intake.clock, 0).addCallback(lambda _: self._pause(0, 1))

    def _heard(self, record: IndexRecord) -> None:
        if self._takes_hearsay:
            self._intake.retelling.heard(self._address, record)

    def _pause(self, changes: int, answers: int) -> Deferred[None] | None:
        now = self._intake.now()
        pause = self._pace.took(changes, answers, now)
        if self._pace.is_too_fast(now):
            return fail(TooFast("it tells of too many changes; it is not followed for a while"))
        return deferLater(self._intake.clock, pause) if pause else None


class IndexSubscription:
    """The subscription to the index of the peer at `address`. `parts` has its unfinished files by their hash."""

    log = Logger()

    def __init__(self, address: Address, intake: Intake) -> None:
        self.address = address
        self.since = INITIAL_VERSION
        self.parts = Unfinished(intake.room)
        self.connection: ClientConnection | None = None
        self.takes_hearsay = False
        """Whether the peer is asked for hearsay on that connection."""
        self._intake = intake
        self._not_before = 0.0

    @property
    def may_follow(self) -> bool:
        """Whether the peer may be followed: it has not just told of too many changes."""
        return self._intake.now() >= self._not_before

    async def fetch(self, connection: ClientConnection, came: Callable[[int], object]) -> tuple[bool, str | None]:
        """Ask once for the changes since the last answer. Raises FetchError.

        Returns whether they were cut off, and the name of the peer's site.
        `came` is called with the size of each part of the answer.
        """
        sink = ChangesSink(self.address, self._intake, self.parts, came)
        try:
            response, is_cut = await sink.read(connection, GetIndex(self.since))
            sink.finish()
        finally:
            sink.stop()
        self.since = response.index or INITIAL_VERSION
        return is_cut, response.site

    async def run(self, connection: ClientConnection, hearsay: bool = False) -> FetchError | None:
        """Follow over `connection`, on which the peer has answered in 1.1. Returns the error that ended it.

        With `hearsay`, the peer is asked for what it hears of others, too.
        """
        self.connection, self.takes_hearsay = connection, hearsay
        why = None
        sink = PacedSink(self.address, self._intake, self.parts, hearsay)

        def answered(response: Response) -> Deferred[None] | None:
            self.since = response.index or INITIAL_VERSION
            return sink.answered()

        try:
            await connection.follow(GetIndex(self.since, follow=True, hearsay=hearsay), sink, answered)
        except FetchError as e:
            why = e
            self._ended(e)
        finally:
            self.connection = None
            sink.stop()
            self.parts.clear()
            connection.close()
        return why

    def _ended(self, why: FetchError) -> None:
        self.log.debug("{peer} is no longer followed: {why}", peer=self.address, why=str(why))
        if isinstance(why, TooFast):
            self._not_before = self._intake.now() + UNFOLLOWED_TIME

    def close(self) -> None:
        """End the subscription."""
        if self.connection is not None:
            self.connection.close()
