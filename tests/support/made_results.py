"""Runs as if they had been made: plans carried out on paper, in times that a test chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from p2p_twisted.experiment.plan.links import Links
from p2p_twisted.experiment.plan.orders import Order, Plan
from p2p_twisted.experiment.plan.tasks import SWARMED, TASKS, one_source, plan_for
from p2p_twisted.experiment.results import Arrival, Results, Run, Sample, Transfer

LINKS = Links(2.5e6, 12.5e6)
LARGE = "large.bin"
MIB = 2**20
STEPS = 10
"""Samples of a peer's progress in a swarm."""


def roles(peers: int) -> list[str]:
    return [f"peer{number}" for number in range(1, peers + 1)]


def sizes_of(count: int) -> dict[str, int]:
    return {f"rfc{number}.txt": 10_000 * number for number in range(1, count + 1)}


def plan_of(task: str, peers: int = 4) -> Plan:
    """The plan of any task: 12 documents, or as many as there are peers; one of 4 MiB in those that have one."""
    if task in TASKS or task in SWARMED:
        return plan_for(task, roles(peers), sizes_of(max(12, peers)), None, 0, False)
    return one_source(task, roles(peers), LARGE, 4 * MIB, task in ("swarm", "sites"))


def run_of(
    task: str,
    seconds: float,
    peers: int = 4,
    repeat: int = 1,
    begins: float = 0.0,
    shares: Mapping[str, float] | None = None,
    **changed: Any,
) -> Run:
    """``task`` in ``seconds``, every copy right; each peer gets its documents in equal times, one after the other.

    Orders of a second phase begin after ``begins`` seconds. ``shares``: how much of each document comes from whom
    (default: all from whom it is asked of). ``changed``: members of the Run that are to be other than that.
    """
    plan = plan_of(task, peers)
    starts = dict(zip(range(len(plan.phases)), (0.0, begins), strict=False))
    ends = {phase: starts.get(phase + 1, seconds) for phase in starts}
    arrivals, transfers, samples = [], [], []
    for phase, orders in enumerate(plan.phases):
        for order in orders:
            for want, start, end in _times(order, starts[phase], ends[phase]):
                size = plan.sizes[want]
                arrivals.append(Arrival(order.downloader, want, size, end))
                for source, share in (shares or {_holder(order, want): 1.0}).items():
                    if source != order.downloader:
                        transfers.append(Transfer(order.downloader, want, source, round(share * size), start, end))
                if plan.swarm:
                    samples += _samples(order.downloader, size, start, end)
    copies = sum(map(len, plan.holdings.values())) + sum(map(len, plan.wanted.values()))
    made = Run(
        task=task,
        repeat=repeat,
        swarm=plan.swarm,
        holdings=plan.holdings,
        orders=plan.wanted,
        began={order.downloader: starts[phase] for phase, orders in enumerate(plan.phases) for order in orders},
        bound=plan.bound(LINKS),
        seconds=seconds,
        spread=0.012,
        busy=0.4,
        busiest=0.3,
        verified=copies,
        expected=copies,
        transfers=transfers,
        arrivals=arrivals,
        samples=samples,
        events=[],
    )
    return replace(made, **changed)


def cut_off(run: Run, at: float) -> Run:
    """The same run, interrupted after ``at`` seconds."""
    arrivals = [arrival for arrival in run.arrivals if arrival.at <= at]
    return replace(
        run,
        seconds=max((arrival.at for arrival in arrivals), default=0.0),
        verified=run.expected - len(run.arrivals) + len(arrivals),
        arrivals=arrivals,
        transfers=[transfer for transfer in run.transfers if transfer.end <= at],
        samples=[sample for sample in run.samples if sample.at <= at],
        interrupted=True,
    )


def results_of(runs: Sequence[Run], links: Links = LINKS, setting: Mapping[str, str] | None = None) -> Results:
    return Results(setting or {"seed": "0"}, links, runs)


def _holder(order: Order, name: str) -> str:
    """Whom ``order`` asks for it, or the source of a swarm."""
    return next(want.holder for want in order.wants if want.name == name) or "peer1"


def _times(order: Order, start: float, end: float) -> list[tuple[str, float, float]]:
    step = (end - start) / len(order.names)
    last = [end] if order.names else []
    ends = [*(start + step * place for place in range(1, len(order.names))), *last]
    return list(zip(order.names, [start, *ends[:-1]], ends, strict=True))


def _samples(peer: str, size: int, start: float, end: float) -> list[Sample]:
    steps = [(step / STEPS) for step in range(STEPS)]
    return [Sample(peer, start + share * (end - start), round(share * size)) for share in steps]
