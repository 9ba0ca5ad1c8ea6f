"""A large push, again and again: one peer has 2 GB in 300 files, three others fetch all of it at the same time.

    python -m benchmarks.soak.push [--runs 20] [--size 2000] [--files 300] [--seed N] [--dir DIR]

Meanwhile the source's files are touched at random (their times change, their content does not), and in every peer's
process threads take turns after a microsecond. Each file of each copy is compared with its SHA-256; the exit code of
each ``p2p get --all`` must be 0. The logs of a run with a fault are kept in ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import Popen
from typing import Any

from benchmarks.soak import twistd_switching
from benchmarks.soak.command import REPOSITORY, Command, keep_logs, log_faults
from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.processes import TWISTD, ClusterError, Loopback, Member
from p2p_twisted.web.control_client import ControlError

RECEIVERS = 3
MAX_SECONDS = 900
"""For the hashing at the source, and for a run."""
LARGE_PART = 15
"""One in so many files is large: they have most of the bytes."""
TOUCH_SECONDS = 0.2
"""Between two touches, on the average."""
FEW = 0.97
"""So many touches are of one file; the others are of half the set, as ``touch *`` or a package manager does it."""
SHOWN = 5
"""Faults of one copy that are printed."""

Sums = Mapping[str, str]
"""File name -> SHA-256 (hex)."""


class Switching(Loopback):
    """Loopback, with every process run by ``twistd_switching``."""

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> Popen[bytes]:
        """See Loopback.launch."""
        script = [sys.executable, twistd_switching.__file__]
        return super().launch(role, [*script, *argv[TWISTD.index("-n") :]], **options)


class Toucher(threading.Thread):
    """Gives the files of ``folder`` new times, one after the other at random, from ``with`` to the end of the block."""

    def __init__(self, folder: Path, seed: str) -> None:
        super().__init__(daemon=True)
        self._paths = sorted(folder.iterdir())
        self._random = random.Random(seed)
        self._over = threading.Event()
        self.count = 0

    def run(self) -> None:
        """Touch until the block ends."""
        while not self._over.wait(self._random.uniform(0, 2 * TOUCH_SECONDS)):
            few = self._random.random() < FEW
            for path in self._random.sample(self._paths, 1 if few else len(self._paths) // 2):
                os.utime(path)
                self.count += 1

    def __enter__(self) -> Toucher:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def main() -> None:
    options = _options()
    os.environ["PYTHONPATH"] = str(REPOSITORY)  # for the peers
    print(f"push: --seed {options.seed}", flush=True)
    try:
        with Interrupts(), tempfile.TemporaryDirectory(prefix="push-", dir=options.dir.resolve()) as folder:
            right = _runs(Path(folder), options)
    except (ClusterError, ControlError, OSError) as error:
        sys.exit(f"push: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    wanted = options.runs * RECEIVERS
    print(f"{right} of {wanted} complete, right, exit 0")
    sys.exit(0 if right == wanted else 1)


def _runs(folder: Path, options: argparse.Namespace) -> int:
    """Make the set and push it ``--runs`` times; returns the number of copies that are right."""
    share = folder / "share"
    share.mkdir()
    tempfile.tempdir = str(folder)  # the copies lie beside the set
    sums = make_set(share, options.files, options.size * 10**6, options.seed)
    return sum(_run(share, sums, options.seed, number) for number in range(1, options.runs + 1))


def _run(share: Path, sums: Sums, seed: int, number: int) -> int:
    """Push the set once and print how it went; returns the number of copies that are right."""
    with Cluster(
        1 + RECEIVERS, Switching(), lambda role: ("--share", str(share)) if role == "peer1" else ()
    ) as cluster:
        cluster.start()
        cluster.wait_for_documents(len(sums), MAX_SECONDS)
        start = time.monotonic()
        with Toucher(share, f"{seed}/{number}") as toucher:
            codes, seconds = _get_all(cluster.peers[1:], cluster.folder, start)
        found = {
            peer.role: list(_faults(peer, code, sums)) for peer, code in zip(cluster.peers[1:], codes, strict=True)
        }
        logged = list(log_faults(cluster))
        right = sum(not faults for faults in found.values())
        print(
            f"run {number}: {right} of {RECEIVERS} right, {seconds:.0f} s, {toucher.count} touched, "
            f"exit {' '.join(map(str, codes))}",
            flush=True,
        )
        lines = [f"{role}: {fault}" for role, faults in found.items() for fault in faults] + logged
        if lines:
            kept = keep_logs(cluster, f"push-{seed}-{number}", faults="\n".join(lines) + "\n")
            for role, faults in found.items():
                for fault in faults[:SHOWN]:
                    print(f"  {role}: {fault}")
            for line in logged[:SHOWN]:
                print(f"  {line}")
            print(f"  {len(lines)} faults; the logs are in {kept}", flush=True)
        return right if not logged else 0


def _get_all(receivers: Sequence[Member], folder: Path, start: float) -> tuple[list[int | None], float]:
    """Run ``p2p get --all`` at each receiver at once; returns the exit codes, and seconds until the last ended."""
    commands = [
        Command(folder / f"get-{peer.role}", "get", "--all", "--json", "--state-dir", str(peer.state_dir))
        for peer in receivers
    ]
    try:
        codes = [command.wait(max(1.0, start + MAX_SECONDS - time.monotonic())) for command in commands]
    finally:
        for command in commands:
            command.kill()
    return codes, time.monotonic() - start


def _faults(peer: Member, code: int | None, sums: Sums) -> Iterator[str]:
    """Yield what is wrong with the copy of ``peer``, whose command ended with ``code`` (None: it had to be killed)."""
    if code != 0:
        yield f"exit {code}" if code is not None else f"not done after {MAX_SECONDS} s"
        yield from _said(peer.state_dir.parents[1] / f"get-{peer.role}.out")
    here = {path.name: path for path in peer.download_dir.iterdir()}
    for name in sorted(sums.keys() - here.keys()):
        yield f"{name} is missing"
    for name in sorted(here.keys() - sums.keys()):
        yield f"{name} is left over"
    for name in sorted(sums.keys() & here.keys()):
        if sha256_of(here[name]) != sums[name]:
            yield f"{name} is WRONG"


def _said(out: Path) -> Iterator[str]:
    """Yield a line for each file that failed, by the command's JSON."""
    text = out.read_text()
    for file in json.loads(text)["files"] if text.strip() else ():
        if file["state"] not in ("done", "there"):
            yield f"{file['name']}: {file['state']}: {(file['error'] or {}).get('text')}"


def make_set(folder: Path, count: int, total: int, seed: int) -> dict[str, str]:
    """Write ``count`` files of ``total`` bytes together into ``folder``; returns their hashes by name.

    One in fifteen is large, of about the same size as the other large ones (50 to 100 MB for 300 files in 2 GB); the
    others have 1 KB to 10 MB, most of them little.
    """
    chooser = random.Random(seed)
    large = max(1, count // LARGE_PART)
    small = [int(10 ** chooser.uniform(3, 7)) for _ in range(count - large)]
    shrink = min(1.0, total / 4 / max(1, sum(small)))
    sizes = [max(1, int(size * shrink)) for size in small]
    weights = [chooser.uniform(0.7, 1.3) for _ in range(large)]
    sizes += [int((total - sum(sizes)) * weight / sum(weights)) for weight in weights]
    chooser.shuffle(sizes)
    sums = {}
    for number, size in enumerate(sizes, 1):
        data = chooser.randbytes(size)
        name = f"file{number:04}.bin"
        (folder / name).write_bytes(data)
        sums[name] = hashlib.sha256(data).hexdigest()
    return sums


def sha256_of(path: Path) -> str:
    """Return the SHA-256 (hex) of a file. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _options() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details.partition("\n\n")[2])
    parser.add_argument("--runs", type=int, default=20, help="default: 20")
    parser.add_argument("--size", type=int, default=2000, help="MB of the set; default: 2000")
    parser.add_argument("--files", type=int, default=300, help="files in the set; default: 300")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="to repeat a run")
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()), help="where files go; default: TMPDIR")
    return parser.parse_args()


if __name__ == "__main__":
    main()
