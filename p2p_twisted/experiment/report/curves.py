"""The numbers behind the figures: time against documents or bytes, confidence, who sent how much to whom."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from ..results import Run, number
from ..summary import timed

MB = 10**6
COINCIDE = 0.015
"""Share of the time of a run by which coinciding curves may differ: the width of two lines in the figure."""
T_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""Student's t for 95 %, two-sided, for 1 to 9 degrees of freedom; above, it is a little more than 1.96."""


@dataclass(frozen=True)
class Curve:
    """A curve: the ``seconds`` since the start at which ``amounts`` had arrived, in documents or MB (10^6 bytes)."""

    amounts: Sequence[float]
    seconds: Sequence[float]


@dataclass(frozen=True)
class Band:
    """A band: the mean over repeats of the seconds at ``amounts``, and its 95 % confidence limits."""

    amounts: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Matrix:
    """A matrix: ``cells[row][column]`` is the number of bytes that ``receivers[column]`` got from ``senders[row]``."""

    senders: Sequence[str]
    receivers: Sequence[str]
    cells: Sequence[Sequence[int]]


def in_bytes(run: Run) -> bool:
    """Return whether progress is shown in MB, because there is only one document."""
    return all(len(names) == 1 for names in run.orders.values())


def of_peer(run: Run, peer: str) -> Curve:
    """Return the curve of one peer, from the time when it was told to start."""
    begin = run.began.get(peer, 0.0)
    if in_bytes(run):
        seen = [(sample.bytes / MB, sample.at) for sample in run.samples if sample.peer == peer]
        whole = [(arrival.bytes / MB, arrival.at) for arrival in run.arrivals if arrival.peer == peer]
        last = whole[0] if whole else (math.inf, math.inf)
        points = [(amount, at) for amount, at in seen if at < last[1] and amount < last[0]] + whole
    else:
        times = sorted(arrival.at for arrival in run.arrivals if arrival.peer == peer)
        points = [(place, at) for place, at in enumerate(times, 1)]
    return Curve([0.0, *(amount for amount, _ in points)], [begin, *(at for _, at in points)])


def of_last(run: Run) -> Curve:
    """Return when the last peer had its first document, its second, and so on, as far as all survivors got."""
    curves = [of_peer(run, peer) for peer in run.survivors]
    shortest = min((curve.amounts for curve in curves), key=len)
    return Curve(shortest, [max(curve.seconds[place] for curve in curves) for place in range(len(shortest))])


def coinciding(run: Run) -> list[list[str]]:
    """Return the groups of two and more peers whose curves coincide."""
    groups: list[tuple[Curve, list[str]]] = []
    for peer in run.downloaders:
        curve = of_peer(run, peer)
        limit = COINCIDE * run.seconds
        same = next((peers for first, peers in groups if _apart(first, curve, limit) <= limit), None)
        if same is None:
            groups.append((curve, [peer]))
        else:
            same.append(peer)
    return [peers for _, peers in groups if len(peers) > 1]


def _apart(one: Curve, other: Curve, limit: float) -> float:
    """Return the most seconds between two curves at the same amount; infinity if their ends differ too much."""
    if one.amounts[-1] != other.amounts[-1] or abs(one.seconds[-1] - other.seconds[-1]) > limit:
        return math.inf
    amounts = {*one.amounts, *other.amounts}
    return max(abs(_seconds_at(one, amount) - _seconds_at(other, amount)) for amount in amounts)


def _seconds_at(curve: Curve, amount: float) -> float:
    """Return the time of ``amount``, interpolated between the points around it."""
    place = bisect_left(curve.amounts, amount)
    if curve.amounts[place] == amount:
        return curve.seconds[place]
    before, after = curve.amounts[place - 1], curve.amounts[place]
    share = (amount - before) / (after - before)
    return curve.seconds[place - 1] + share * (curve.seconds[place] - curve.seconds[place - 1])


def over_repeats(curves: Sequence[Curve]) -> Band:
    """Return the band of several repeats, as far as all curves go; of a single curve, a band without width."""
    amounts = min((curve.amounts for curve in curves), key=len)
    columns = [[curve.seconds[place] for curve in curves] for place in range(len(amounts))]
    means = [statistics.fmean(column) for column in columns]
    widths = [confidence(column) for column in columns]
    low = [max(0.0, mean - width) for mean, width in zip(means, widths, strict=True)]
    high = [mean + width for mean, width in zip(means, widths, strict=True)]
    return Band(amounts, means, low, high)


def confidence(values: Sequence[float]) -> float:
    """Return half the width of the 95 % confidence interval of the mean of ``values``; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    freedom = len(values) - 1
    t = T_95[freedom - 1] if freedom <= len(T_95) else 1.96 + 2.5 / freedom
    return t * statistics.stdev(values) / math.sqrt(len(values))


def typical(runs: Sequence[Run]) -> Run:
    """Return the run with the median time (of two, the faster one) among those whose times count."""
    counted = timed(runs)
    return sorted(counted, key=lambda run: run.seconds)[(len(counted) - 1) // 2]


def who_to_whom(run: Run) -> Matrix:
    """Return the bytes that each peer got from each other."""
    sent: dict[tuple[str, str], int] = {}
    for transfer in run.transfers:
        pair = (transfer.source, transfer.peer)
        sent[pair] = sent.get(pair, 0) + transfer.bytes
    roles = sorted({*run.holdings, *run.corrupt}, key=number)
    return Matrix(roles, run.downloaders, [[sent.get((row, column), 0) for column in run.downloaders] for row in roles])
