"""The interface of a system under test; each adapter module implements it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.netlab.works import Work
from p2p_twisted.experiment.run.netns import HostNetwork


class BenchError(Exception):
    """A run cannot go on; the text is one line that says why."""


@dataclass(frozen=True)
class Totals:
    """Totals of all downloads of a run, as the system itself reports them at the end.

    ``duplicate``: the share of the bytes of documents received that were there already. ``wrong``: pieces received
    whose hash was not right.
    """

    duplicate: float
    wrong: int


class Swarm(Protocol):
    """One system, running in every host of a work."""

    def order(self) -> None:
        """Order the download in all hosts that want something, at the same instant."""

    def finished(self) -> dict[int, float]:
        """Return the hosts that have everything, with the time.monotonic() at which they did. Raises BenchError."""

    def first_copy(self) -> float | None:
        """Return the time.monotonic() at which the downloaders together had everything, None until then."""

    def totals(self) -> Totals:
        """Return what the downloaders say that they received; all must have finished."""

    def kill(self, host: int) -> None:
        """SIGKILL the system's process in ``host``."""

    def path(self, host: int, name: str) -> Path:
        """Where ``host`` keeps the document ``name``, whether it started with it or fetched it."""

    def stop(self) -> None:
        """End every process; what they have on disk stays until the block ends in which the system was started."""


class System(Protocol):
    """A system under test: ``name`` in the table, ``services`` hosts needed beside the work's (numbered after them).

    ``can_corrupt``: whether it can be started so that a host serves garbage.
    """

    name: str
    services: int
    can_corrupt: bool

    def start(self, network: HostNetwork, work: Work, folder: Path) -> AbstractContextManager[Swarm]:
        """Start the system in all hosts, ready for the order; files go to ``folder``. Leaving the block stops it."""
