"""The ``p2p`` command as a process, what logs must not contain, and where the logs of a failed run are kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from p2p_twisted.experiment.run.cluster import Cluster

REPOSITORY = Path(__file__).parents[2]
RESULTS = REPOSITORY / "benchmarks" / "results"
FAULT_WORDS = ("Traceback", "Unhandled")
"""No line of a log may contain any of these."""


class Command:
    """A running ``p2p ARGS``; what it prints goes into the files ``path``.out and ``path``.err."""

    def __init__(self, path: Path, *args: str) -> None:
        self.args = args
        self.out = path.with_name(path.name + ".out")
        self.err = path.with_name(path.name + ".err")
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "p2p_twisted.cli.main", *args],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # out of reach of the terminal's Ctrl-C
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            )

    @property
    def code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll()

    def wait(self, timeout: float) -> int | None:
        """Wait at most ``timeout`` seconds; returns the exit code, or None for a command that was killed for it."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        """Stop it with signal 9 if it still runs."""
        self._process.kill()
        self._process.wait()

    def first_words(self) -> str:
        """Return the first line on its stderr: of a failure, the reason."""
        return (self.err.read_text("utf-8", "replace").splitlines() or ["it said nothing"])[0]


def log_faults(cluster: Cluster) -> Iterator[str]:
    """Yield each line in the logs of the cluster's processes, and of its commands, that has one of FAULT_WORDS."""
    for path in sorted([*cluster.folder.glob("*.log"), *cluster.folder.glob("*.err")]):
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if any(word in line for word in FAULT_WORDS):
                yield f"{path.name}:{number}: {line}"


def keep_logs(cluster: Cluster, name: str, **texts: Any) -> Path:
    """Copy the logs and the output of commands into ``benchmarks/results/name``, and write ``texts`` as files there."""
    folder = RESULTS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for pattern in ("*.log", "*.err", "*.out"):
        for path in cluster.folder.glob(pattern):
            shutil.copy(path, folder)
    for title, text in texts.items():
        (folder / f"{title}.txt").write_text(text)
    return folder
