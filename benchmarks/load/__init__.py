"""Load on a server on this machine, from a generator in C: it takes far less of a processor than the server does."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("load.c")


class Load(NamedTuple):
    """What a run has measured."""

    answers: int
    failed: int
    """Answers that were not 200."""
    seconds: float
    processor: float
    """Seconds of processor time that the generator itself used."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


class Generator:
    """The compiled generator, in `folder`. Exits with one line if there is no C compiler."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise SystemExit("the load generator needs a C compiler: install gcc")
        self._folder = folder
        self._program = folder / "load"
        subprocess.run([compiler, "-O2", "-o", str(self._program), str(SOURCE)], check=True)

    def write(self, name: str, requests: Iterable[bytes]) -> Path:
        """Write requests to a file that `run` takes."""
        path = self._folder / name
        path.write_bytes(b"".join(len(request).to_bytes(4, "little") + request for request in requests))
        return path

    def run(self, port: int, requests: Path, width: int, seconds: float, keep: bool = False) -> Load:
        """Send the requests of a file in turn, `width` at a time; each on a connection of its own, unless `keep`."""
        arguments = map(str, (self._program, port, requests, width, seconds, int(keep)))
        done = subprocess.run(list(arguments), capture_output=True, text=True, timeout=seconds + 60)
        if done.returncode:
            raise SystemExit(f"the load generator failed: {done.stderr.strip()}")
        answers, failed, took, processor = done.stdout.split()
        return Load(int(answers), int(failed), float(took), float(processor))
