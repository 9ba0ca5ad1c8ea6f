"""The order in which the downloaders that are ready get their turns. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping

from .in_flight import Uploader

MAX_OVERTAKEN = 3.0
"""Seconds of waiting in which others may overtake a downloader; after 4 s it would take this peer for idle."""


MAX_LATE = 1.0
"""Seconds of waiting after which one that has let a turn lapse is served as the others are. It has been busy, perhaps;
and those that come again after each turn to no use would overtake it for ever."""


class Precedence:
    """First come first served, but those with the lowest rank first, and suspects and those that are late last."""

    def __init__(self) -> None:
        self.ranks: Mapping[Hashable, int] = {}
        """Those that have another rank than 0. Suspects are among them."""
        self.is_suspect: Callable[[Uploader], bool] = lambda who: False
        """Whether one waits even if nobody else is ready, while pieces are being sent to others."""
        self.late: set[Uploader] = set()
        """Those that let their last turn lapse."""

    def order(self, ready: Mapping[Uploader, float], sending: Iterable[Uploader], now: float) -> list[Uploader]:
        """Return those that may have a turn at `now`, the first one first.

        `ready`: since when (seconds) each waits, those first that have waited longest; `sending`: to whom pieces are
        being sent.
        """
        late = {who for who in self.late if now - ready.get(who, now) < MAX_LATE} if self.late else self.late
        if not self.ranks:
            return sorted(ready, key=late.__contains__) if late else list(ready)
        overtaken = {who for who, since in ready.items() if now - since < MAX_OVERTAKEN}
        held = set(filter(self.is_suspect, overtaken))
        if held and all(map(self.is_suspect, (*ready, *sending))):
            held = set()  # there is nobody else to wait for
        first = [who for who in ready if who not in held]
        return sorted(first, key=lambda who: (who in late, self.ranks.get(who, 0) if who in overtaken else 0))
