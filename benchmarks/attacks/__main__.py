"""Attacks on running processes: each prints what was tried, the measured figure, the bar, and whether it holds.

    python -m benchmarks.attacks [ROW ...]

As root: an RS, honest peers and strangers each have hosts of their own, in network namespaces. The lines are kept in
``benchmarks/results/attacks.jsonl``. The exit code is 1 if any does not hold its bar.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks.attacks import delegated, false_records, floods, holders, registrations, services, slow_connections
from benchmarks.attacks.outcome import Outcome, keep
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.iproute import PlaceError
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.web.control_client import ControlError

MODULES = (false_records, floods, holders, services, registrations, slow_connections, delegated)
ATTACKS: dict[str, Callable[[], Outcome]] = dict(attack for module in MODULES for attack in module.ATTACKS.items())


def main() -> None:
    rows = _rows()
    failed = 0
    try:
        with Interrupts():
            for row in rows:
                failed += not _run(row)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1 if failed else 0)


def _run(row: str) -> bool:
    try:
        outcome = ATTACKS[row]()
    except (ClusterError, ControlError, PlaceError, OSError) as error:
        outcome = Outcome(row, f"broke off: {error}", "", False)
    keep(outcome, f"make attacks ROW={row}")
    return outcome.is_ok


def _rows() -> list[str]:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[*ATTACKS, []], help=f"of {', '.join(ATTACKS)}")
    return parser.parse_args().rows or list(ATTACKS)


if __name__ == "__main__":
    main()
