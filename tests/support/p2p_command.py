"""The ``p2p`` command in this process, and processes for it to talk to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner, Result

from p2p_twisted.cli.main import main

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
ENVIRONMENT.pop("PYTHONUNBUFFERED", None)  # users have it not; with it, nothing is left to write at exit
P2P = (sys.executable, "-c", "from p2p_twisted.cli.main import main; main()")


def p2p(*arguments: object) -> Result:
    """Run ``p2p`` here; its output is not a terminal."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="p2p")


@contextmanager
def state_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with TemporaryDirectory(prefix="p2p-test-") as folder:
        yield Path(folder)


@contextmanager
def serving(role: str) -> Iterator[Path]:
    """A fake that runs; its state folder. `role` is "rs" or "peer", or a peer in trouble: see fake_control_server."""
    with state_folder() as folder:
        command = [sys.executable, "-m", "tests.support.fake_control_server", str(folder), role]
        with subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                yield folder
            finally:
                process.kill()
