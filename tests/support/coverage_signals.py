"""A plugin of coverage.py: saves what was measured before a process ends itself by a signal, as twistd does."""

from __future__ import annotations

import os
from typing import Any

from coverage import Coverage


def coverage_init(registry: Any, options: Any) -> None:
    """Have os.kill of the own process save the data first."""
    kill = os.kill

    def save_and_kill(pid: int, signal: int) -> None:
        current = Coverage.current()
        if pid == os.getpid() and current is not None:
            current.save()
        kill(pid, signal)

    os.kill = save_and_kill
