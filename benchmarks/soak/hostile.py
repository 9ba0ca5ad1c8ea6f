"""An hour among strangers: an RS and three honest peers, and every attack at once at a tenth of its rate.

    python -m benchmarks.soak.hostile [--minutes 60]

As root. Honest documents come, go and are fetched all the time. Each minute has a line for the memory, descriptors,
records and longest stall of each process. At the end the strangers stop; when connections have had the time to end, no
process may have more descriptors than at the start. The exit code is 1 if anything grows after the first ten minutes,
an order was not fulfilled, or a log has an error that nobody handled. What was measured is in ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.attacks.outcome import RESULTS, Outcome, keep
from benchmarks.attacks.place import MB, Place, memory, place
from benchmarks.soak.command import keep_logs
from benchmarks.soak.growth import grows, ratio, slope, warm
from benchmarks.soak.hostile_orders import HonestOrders
from benchmarks.soak.hostile_strangers import Attackers
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.iproute import PlaceError
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.web.control_client import ControlError

PEERS = 3
CALM_SECONDS = 180
"""After the strangers have stopped: longer than a connection may be idle."""
MORE_DESCRIPTORS = 8
"""At the end, against the start: databases and connections that honest peers have meanwhile opened."""
SAMPLES = RESULTS.with_name("hostile-soak.jsonl")

Sample = dict[str, float]


def main() -> None:
    minutes = _minutes()
    try:
        with Interrupts():
            outcome = soak(minutes)
    except (ClusterError, ControlError, PlaceError, OSError) as error:
        sys.exit(f"soak: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    keep(outcome, f"make soak-hostile MINUTES={minutes:g}")
    sys.exit(0 if outcome.is_ok else 1)


def soak(minutes: float) -> Outcome:
    """Soak for so long; print a line each minute."""
    SAMPLES.parent.mkdir(exist_ok=True)
    SAMPLES.unlink(missing_ok=True)
    with place(PEERS) as here:
        here.cluster.start()
        here.cluster.wait_registered()
        before = _descriptors(here)
        series: dict[str, list[tuple[float, Sample]]] = {}
        with Attackers(here) as attackers, HonestOrders(here, attackers) as orders:
            for minute in _minutes_of(minutes):
                _sample(here, minute, orders, series)
        time.sleep(CALM_SECONDS)
        faults = [*orders.faults, *_leaks(before, _descriptors(here)), *_growth(series), *here.log_faults()]
        lost = [member.role for member in here.cluster.members if member.pid is None]
        faults += [f"{role} has ended" for role in lost]
        if faults:
            kept = keep_logs(here.cluster, "hostile-soak", faults="\n".join(faults) + "\n")
            print("\n".join(faults[:40]), f"the logs are in {kept}", sep="\n")
    return _outcome(minutes, series, orders, faults)


def _minutes_of(minutes: float) -> Iterator[float]:
    """Wait from one sample to the next; yield the minutes since the start."""
    start = time.monotonic()
    step = min(60.0, minutes * 60 / 10)
    for number in range(1, int(minutes * 60 / step) + 1):
        time.sleep(max(0.0, start + number * step - time.monotonic()))
        yield number * step / 60


def _sample(here: Place, minute: float, orders: HonestOrders, series: dict[str, list[tuple[float, Sample]]]) -> None:
    """Take the figures of all processes, print and keep them, and begin to measure stalls anew."""
    taken = {member.role: _figures(here, member.role) for member in here.cluster.members}
    here.forget()
    for role, figures in taken.items():
        series.setdefault(role, []).append((minute, figures))
    with SAMPLES.open("a") as samples:
        samples.write(json.dumps({"minute": minute, "orders": orders.done, **taken}) + "\n")
    text = "; ".join(
        f"{role} {figures['memory']:.0f} MB, {figures['descriptors']:.0f} fd, {figures['records']:.0f} records, "
        f"stall {figures['stall'] * 1000:.0f} ms"
        for role, figures in taken.items()
    )
    print(f"{minute:5.1f} min: {orders.done} orders, {len(orders.faults)} faults; {text}", flush=True)


def _figures(here: Place, role: str) -> Sample:
    member = here.cluster[role]
    status = member.control.get("status")
    return {
        "memory": memory(member) / MB,
        "descriptors": len(list(Path(f"/proc/{member.pid}/fd").iterdir())),
        "records": status["records"] if role == "rs" else status["index_records"],
        "stall": here.load(member).stall,
        "late": here.load(member).late,
    }


def _descriptors(here: Place) -> dict[str, int]:
    return {member.role: len(list(Path(f"/proc/{member.pid}/fd").iterdir())) for member in here.cluster.members}


def _leaks(before: dict[str, int], after: dict[str, int]) -> Iterator[str]:
    for role, count in after.items():
        if count > before[role] + MORE_DESCRIPTORS:
            yield f"{role} had {before[role]} descriptors at the start, and has {count} at the end"


def _growth(series: dict[str, list[tuple[float, Sample]]]) -> Iterator[str]:
    for role, samples in _memories(series).items():
        if grows(samples):
            yield f"{role} grows by {slope(samples):.2f} MB in ten minutes, to {ratio(samples):.2f} times"


def _memories(series: dict[str, list[tuple[float, Sample]]]) -> dict[str, Sequence[tuple[float, float]]]:
    """Return the memory of each process after the warm-up."""
    return {role: warm([(minute, taken["memory"]) for minute, taken in all_]) for role, all_ in series.items()}


def _outcome(
    minutes: float, series: dict[str, list[tuple[float, Sample]]], orders: HonestOrders, faults: list[str]
) -> Outcome:
    memories = {
        role: warm([(minute, figures["memory"]) for minute, figures in taken]) for role, taken in series.items()
    }
    worst = max(memories, key=lambda role: slope(memories[role]))
    stall = max(figures["stall"] for taken in series.values() for _, figures in taken)
    peak = max(figures["memory"] for taken in series.values() for _, figures in taken)
    figure = (
        f"{orders.done} honest orders fulfilled, the slowest {orders.slowest:.1f} s; most growth at {worst}, "
        f"{slope(memories[worst]):+.2f} MB in ten minutes ({ratio(memories[worst]):.2f} times); at most {peak:.0f} MB; "
        f"longest stall {stall * 1000:.0f} ms; {len(faults)} faults"
    )
    bar = "no growth after ten minutes, no leaked descriptor, no unhandled error, all orders fulfilled"
    return Outcome(f"{minutes:g} minutes of all attacks at once, at a tenth of the rates", figure, bar, not faults)


def _minutes() -> float:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("--minutes", type=float, default=60, help="default: 60")
    minutes: float = parser.parse_args().minutes
    return minutes


if __name__ == "__main__":
    main()
