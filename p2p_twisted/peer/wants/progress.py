"""How a want stands: what is here of it, and what is in its way. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import islice

from .want import Want

MAX_PROBLEMS = 1000
"""Most documents in whose way something is that are remembered, of each want."""


@dataclass
class Progress:
    """A want, and how it stands since the last look at it."""

    want: Want
    here: set[str] = field(default_factory=set)
    """The documents in its folder."""
    problems: dict[str, str] = field(default_factory=dict)
    """Documents that it should have and has not, or not in the present version, and why."""
    seen: dict[str, int] = field(default_factory=dict)
    """The names that were looked at, with the signatures of their contents at that time."""
    looked_at: float = -math.inf
    """When all of its names and places were looked at, in monotonic seconds."""
    has_more: bool = False
    """Whether a look was broken off: as many documents are to be fetched as may wait for that."""

    def arrived(self, name: str) -> None:
        """Note that a document is here."""
        self.here.add(name)
        self.problems.pop(name, None)

    def stays(self, name: str, is_here: bool, why: str | None) -> None:
        """Note that nothing is to be done about a document, and what is in the way, if anything is."""
        (self.here.add if is_here else self.here.discard)(name)
        if why is None:
            self.problems.pop(name, None)
        else:
            self.problem(name, why)

    def problem(self, name: str, why: str) -> None:
        """Note what is in the way of a document."""
        if name in self.problems or len(self.problems) < MAX_PROBLEMS:
            self.problems[name] = why

    def first_problems(self, most: int) -> list[tuple[str, str]]:
        """Return at most `most` problems, each with its document."""
        return list(islice(self.problems.items(), most))

    @property
    def state(self) -> tuple[int, int]:
        """Something that is another when people should look again."""
        return len(self.here), hash(tuple(self.problems.items()))
