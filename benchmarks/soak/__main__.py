"""Minutes of a random life: an RS and five peers, whose files and processes come and go, and who download all the time.

    python -m benchmarks.soak [--minutes 10] [--seed N]

Files are added, changed, touched, renamed and removed; peers are killed with signal 9, stopped, suspended and started
again, and the RS is killed, too; downloads are ordered by ``p2p get`` and by the API. When all has calmed down, no log
may have a traceback, each peer must list exactly what lies on the disks, and whoever lacks something must get it. And
no file may have failed that a running peer had all the time. What is not as it should be is listed, with the record of
what happened and the logs in ``benchmarks/results``; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from contextlib import closing

from benchmarks.ports import Ports
from benchmarks.soak.calm import last_look
from benchmarks.soak.command import REPOSITORY, keep_logs, log_faults
from benchmarks.soak.life import Life
from benchmarks.soak.record import Record
from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.web.control_client import ControlError

PEERS = 5
FIRST_FILES = 12
"""At each peer."""
UP_RATE = "3M"
"""Rate of each peer: transfers last long enough to be cut short."""
SHOWN = 40


def main() -> None:
    options = _options()
    os.environ["PYTHONPATH"] = str(REPOSITORY)  # for the peers
    print(f"soak: --minutes {options.minutes:g} --seed {options.seed}", flush=True)
    try:
        with Interrupts():
            faults = _soak(options.minutes * 60, options.seed)
    except (ClusterError, ControlError, OSError) as error:
        sys.exit(f"soak: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1 if faults else 0)


def _soak(seconds: float, seed: int) -> list[str]:
    """Soak, print what came of it, and return the faults."""
    ports, record = Ports(), Record()
    with Cluster(PEERS, ports, lambda role: () if role == "rs" else ("--up-rate", UP_RATE)) as cluster:
        life = Life(cluster, record, random.Random(seed))
        for disk in life.disks.values():
            for _ in range(FIRST_FILES):
                disk.add()
        cluster.start()
        for member in cluster.members:
            record.started(member.role)
        try:
            with closing(life):
                life.go_on(seconds)
                life.calm_down()
            faults = [*life.faults, *life.comings.faults, *last_look(cluster, life, record, ports)]
        except ClusterError as error:
            faults = [*life.faults, str(error)]
        cluster.stop()
        faults += log_faults(cluster)
        _print(life, record, faults)
        if faults:
            texts = {"record": "\n".join(record.lines) + "\n", "faults": "\n".join(faults) + "\n"}
            print(f"the record and the logs are in {keep_logs(cluster, f'soak-{seed}', **texts)}")
    return faults


def _print(life: Life, record: Record, faults: list[str]) -> None:
    ended = [order.download for order in life.orders if order.download is not None]
    files = [file["state"] for download in ended for file in download["files"]]
    restarts = sum(line.endswith(" runs") for line in record.lines) - PEERS - 1
    print(
        f"{len(record.lines)} things happened: {len(life.orders)} orders, {files.count('done')} files fetched, "
        f"{files.count('failed')} failed; {restarts} times one was started again"
    )
    for fault in faults[:SHOWN]:
        print(f"  {fault}")
    print(f"{len(faults)} faults" if faults else "no fault: each failure is explained by the record")


def _options() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("--minutes", type=float, default=10, help="of random life; default: 10")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="to repeat a run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
