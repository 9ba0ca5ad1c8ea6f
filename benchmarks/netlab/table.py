"""The table of medians, a row for each work and system as soon as its runs are over."""

import platform
import statistics
from collections.abc import Sequence

from benchmarks.netlab.run import Outcome
from benchmarks.netlab.system import BenchError
from benchmarks.netlab.works import DOWN, UP, Work
from p2p_twisted.experiment.run.netns import CONGESTION_CONTROL

COLUMNS = "{:36} {:10} {:>6} {:>6} {:>5}  {:18} {:>6} {:>5} {:>6} {:>6} {:>5}"
NAMES = ("work", "system", "time", "bound", "ratio", "runs", "source", "copy", "extra", "twice", "cpu")
LEGEND = """
time: s from the order until the last one has all, median; each file is then compared with its SHA-256 on disk.
bound: the fluid one, which knows no framing; TCP's framing alone makes the ratio 1.05. runs: s, each of them.
source: data the source sent until then, copy: until the others together had everything, both in times the work.
extra: data received beyond the work, of the mean downloader (protocol, duplicates, retransmissions).
twice: bytes of documents received that were there already, of all received, as the system counts them.
cpu: busy share of all processors. links: data over each link between two sites, in its busier direction, in times the
work; the LANs have 100 Mbit/s, the links 10."""


class Table:
    """Prints itself as it grows."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], float] = {}
        rates = f"Every host {UP / 1e6:g} Mbit/s up, {DOWN / 1e6:g} down, unless a row says otherwise"
        print(f"{rates}; Linux {platform.release()}, TCP {CONGESTION_CONTROL} unless a row names another")
        print(COLUMNS.format(*NAMES), flush=True)

    def failed(self, work: Work, system: str, why: BenchError) -> None:
        """Return the row of a work that the system did not manage."""
        print(f"{work.title:36} {system:10} failed: {why}", flush=True)

    def add(self, work: Work, system: str, runs: Sequence[Outcome]) -> None:
        """Return the row of these runs."""
        seconds = self._seconds[work.title, system] = statistics.median(one.seconds for one in runs)
        row = COLUMNS.format(
            work.title,
            system,
            f"{seconds:.2f}",
            f"{work.bound:.2f}",
            f"{seconds / work.bound:.2f}",
            " ".join(f"{one.seconds:.2f}" for one in runs),
            _median([one.source for one in runs], ".2f"),
            _median([one.copy for one in runs], ".2f"),
            _median([one.extra for one in runs], ".1%"),
            _median([one.totals.duplicate for one in runs], ".1%"),
            _median([one.busy for one in runs], ".0%"),
        )
        print("  ".join([row, *self._remarks(work, system, seconds, runs)]), flush=True)

    def end(self) -> None:
        """Return the explanation of the columns."""
        print(LEGEND)

    def _remarks(self, work: Work, system: str, seconds: float, runs: Sequence[Outcome]) -> list[str]:
        remarks = []
        wrong = statistics.median(one.totals.wrong for one in runs)
        if wrong or work.corrupt:
            remarks.append(f"{wrong:g} wrong pieces")
        remarks += [f"TCP {control}" for control in {one.control for one in runs} - {CONGESTION_CONTROL}]
        if work.sites:
            carried = zip(*(one.links for one in runs), strict=True)
            remarks.append(f"links {' '.join(f'{statistics.median(link):.2f}' for link in carried)}")
        if (work.honest, system) in self._seconds:
            remarks.append(f"{seconds / self._seconds[work.honest, system]:.2f} x the time without")
        return remarks


def _median(values: list[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    return format(statistics.median(known), form) if known else "-"
