"""One run of one work by one system: hosts made, system started, order given, links watched, files verified."""

import hashlib
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.netlab.site_works import carried, network_for
from benchmarks.netlab.system import BenchError, Swarm, System, Totals
from benchmarks.netlab.works import KILL_AFTER, SOURCE, Work
from p2p_twisted.experiment.run.netns import HostNetwork

POLL_SECONDS = 0.005  # between looks at who has finished
SAMPLE_SECONDS = 0.1  # between looks at the counters of the links
LOOK_SECONDS = 0.02  # between looks for the pieces that the downloaders have
ALMOST = 0.95  # times the work


@dataclass(frozen=True)
class Outcome:
    """What one run showed; what was sent and received is in times the bytes that were to be, data above TCP.

    ``seconds``: order until the last one had all. ``source``: sent by the source until then (None: there is none);
    ``copy``: until the downloaders together had everything (None: not known). ``extra``: received beyond the
    documents, protocol and duplicates, mean of the downloaders. ``busy``: the processors' busy share.
    ``control``: TCP's congestion control. ``links``: carried by each link between sites in its busier direction.
    """

    seconds: float
    source: float | None
    copy: float | None
    extra: float
    busy: float
    totals: Totals
    control: str
    links: Sequence[float] = ()


class Watch:
    """The counters of the links and of the processors during a run."""

    def __init__(self, network: HostNetwork) -> None:
        self._network = network
        self._start = network.traffic()
        self._carried = carried(network)
        self._source = [(time.monotonic(), 0)]
        self._processors = _processor_times()

    def sample(self) -> None:
        """Look at what the source has sent, if the last look was long enough ago."""
        if time.monotonic() - self._source[-1][0] >= SAMPLE_SECONDS:
            sent = self._network.traffic()[SOURCE].sent - self._start[SOURCE].sent
            self._source.append((time.monotonic(), sent))

    def source_sent(self, at: float = math.inf) -> float:
        """Return the bytes that the source has sent until the last sample, or until the time.monotonic() ``at``."""
        for (before, low), (after, high) in pairwise(self._source):
            if before <= at <= after:
                return low + (high - low) * (at - before) / (after - before)
        return self._source[-1][1]

    def received(self, host: int) -> int:
        """Return the bytes that ``host`` has received until now."""
        return self._network.traffic()[host].received - self._start[host].received

    def links(self) -> list[int]:
        """Return the bytes that each link between sites has carried until now in its busier direction."""
        return [now - before for now, before in zip(carried(self._network), self._carried, strict=True)]

    def busy(self) -> float:
        """Return the share of the processors' time that was spent on work since the start."""
        idle, total = (now - then for now, then in zip(_processor_times(), self._processors, strict=True))
        return 1 - idle / total if total else 0.0


def run(system: System, work: Work, folder: Path, timeout: float) -> Outcome:
    """Run ``work`` once in new hosts, files in the empty ``folder``; raises BenchError, after ``timeout`` s too."""
    with network_for(work, system.services) as network, system.start(network, work, folder) as swarm:
        watch = Watch(network)
        begun = time.monotonic()
        swarm.order()
        copied = _wait(swarm, work, watch, begun + timeout)
        busy = watch.busy()
        watch.sample()
        ended = max(swarm.finished().values())
        outcome = Outcome(
            ended - begun,
            watch.source_sent(ended) / work.size if work.has_source else None,
            watch.source_sent(copied) / work.size if copied and work.has_source else None,
            statistics.mean(watch.received(host) / work.lacking(host) - 1 for host in work.wanting),
            busy,
            swarm.totals(),
            network.congestion_control,
            [size / work.size for size in watch.links()],
        )
        swarm.stop()
        _verify(swarm, work)
    return outcome


def _wait(swarm: Swarm, work: Work, watch: Watch, deadline: float) -> float | None:
    """Return when all have finished: the time.monotonic() of the first copy. Kills the source if that is the work."""
    killed, copied, looked = False, None, 0.0
    while len(finished := swarm.finished()) < len(work.wanting):
        if time.monotonic() > deadline:
            raise BenchError(f"{len(finished)} of {len(work.wanting)} hosts had finished when the time was over")
        watch.sample()
        # To look costs time, and there cannot be a copy before the source has sent one.
        if copied is None and watch.source_sent() > ALMOST * work.size and time.monotonic() > looked + LOOK_SECONDS:
            looked, copied = time.monotonic(), swarm.first_copy()
        if work.killed and not killed and (copied or watch.source_sent() >= KILL_AFTER * work.size):
            swarm.kill(SOURCE)
            killed = True
        time.sleep(POLL_SECONDS)
    if work.killed and not killed:
        raise BenchError("all had finished before the source was killed")
    return copied or swarm.first_copy()


def _verify(swarm: Swarm, work: Work) -> None:
    for document in work.documents:
        right = hashlib.sha256(document.read_bytes()).digest()
        for host in work.wanting:
            copy = swarm.path(host, document.name)
            if not copy.is_file() or hashlib.sha256(copy.read_bytes()).digest() != right:
                raise BenchError(f"host {host} has a wrong or no copy of {document.name}")


def _processor_times() -> tuple[int, int]:
    """Ticks that all processors have idled, and all their ticks, since the machine started."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)
