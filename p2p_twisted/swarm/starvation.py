"""How long a swarm has received nothing: the longer, the more sources are tried at once. Pure.

Anybody may say that he has a document. To try a thousand of them who stay silent, one after the other, would take
minutes, so they are tried in ever larger numbers until one of them gives something.
"""

from __future__ import annotations

STEP = 0.25
"""Seconds between two looks."""
MANY = 8
"""With more sources than these,"""
FIRST_OF_MANY, FIRST_STEPS, LATER_STEPS = 2, 6, 12
"""nothing may come in so many steps at first; with fewer of them, in these; and, once something has come, in these."""
MIN_RECEIVED = 256
"""Bytes in a step that count: a byte now and then does not."""
MAX_COPIES = 1024


class Starvation:
    """Counts the steps in which nothing came; `level` is 0 while there is no starvation, then 1, 2 and so on."""

    def __init__(self) -> None:
        self.level = 0
        self.has_been = False
        """Whether the swarm has starved: many may still stay silent."""
        self._steps = 0
        self._received = 0

    def step(self, received: int, sources: int) -> None:
        """Take the bytes `received` so far, and the number of sources, at the end of a step."""
        self._steps = self._steps + 1 if received - self._received < MIN_RECEIVED else 0
        patience = LATER_STEPS if received >= MIN_RECEIVED else FIRST_OF_MANY if sources > MANY else FIRST_STEPS
        self._received = received
        self.level = max(0, self._steps - patience + 1) if sources > 1 else 0
        self.has_been |= self.level > 0

    def rest(self) -> None:
        """Note a step in which nothing was to come."""
        self._steps = self.level = 0

    @property
    def copies(self) -> int:
        """Sources that may be asked for the same piece at the same time."""
        return min(2 << 2 * min(self.level, 5), MAX_COPIES)
