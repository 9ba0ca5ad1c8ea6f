"""Run ``ip`` and ``tc``; a failure is one line: the command, the message of the tool and, where known, a remedy."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

COMMAND_TIMEOUT = 30
"""Seconds."""
REMEDIES = {
    r"not permitted": "root lacks CAP_SYS_ADMIN or CAP_NET_ADMIN here, as in most containers: use "
    "the machine itself, or start the container with --privileged",
    r"unknown device type|kind is unknown|not supported": "the kernel lacks a module: modprobe -a veth bridge sch_tbf",
    r"timed out": "the machine is too busy: try again when it has less to do",
}
"""Pattern of a tool's message -> the remedy."""


class PlaceError(Exception):
    """A place is not available; the text is one line with the reason."""


class ToolError(PlaceError):
    """``ip`` or ``tc`` failed."""


def run(argv: Sequence[str]) -> str:
    """Run ``argv``; return its standard output. Raises ToolError."""
    return _run(argv, "", "")


def batch(tool: Sequence[str], lines: Sequence[str]) -> None:
    """Run each of ``lines`` as a command of ``tool``, up to the first that fails. Raises ToolError."""
    _run([*tool, "-batch", "-"], "".join(f"{line}\n" for line in lines), lines)


def _run(argv: Sequence[str], text: str, lines: Sequence[str]) -> str:
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=COMMAND_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise _failure(argv, f"timed out after {COMMAND_TIMEOUT} s") from None
    except OSError as error:
        raise _failure(argv, error.strerror or str(error)) from error
    if done.returncode:
        message = done.stderr.strip() or f"exit status {done.returncode}"
        failed = re.search(r"^Command failed -:([0-9]+)", message, re.MULTILINE)
        command = [*argv[:-2], lines[int(failed[1]) - 1]] if failed else argv
        raise _failure(command, message.splitlines()[0])
    return done.stdout


def _failure(command: Sequence[str], message: str) -> ToolError:
    remedy = next((remedy for pattern, remedy in REMEDIES.items() if re.search(pattern, message, re.IGNORECASE)), None)
    return ToolError("; ".join(filter(None, [f"{' '.join(command)}: {message.rstrip('.')}", remedy])))
