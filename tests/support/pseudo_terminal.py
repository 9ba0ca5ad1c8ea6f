"""``p2p`` in a terminal of its own, to which keys are sent."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Sequence

from .p2p_command import ENVIRONMENT, P2P


def in_terminal(arguments: Sequence[str], keys: bytes, **environment: str) -> tuple[int, str]:
    """Run a live view and press `keys` when it has drawn; return the exit code and what it wrote."""
    ours, theirs = pty.openpty()
    variables = {**ENVIRONMENT, "TERM": "xterm-256color", "LINES": "40", "COLUMNS": "120", **environment}
    with subprocess.Popen([*P2P, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=variables) as process:
        os.close(theirs)
        written = b""
        while b"q quits" not in written:
            written += os.read(ours, 65536)
        os.write(ours, keys)
        code = process.wait(30)
    os.close(ours)
    return code, written.decode()
