"""The exit codes of ``p2p``, and which of them a failed download ends with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OK = 0
FAILED = 1
USAGE = 2
NO_HOLDER = 3
RS_UNREACHABLE = 4
PEERS_FAILED = 5
TIMEOUT = 6
INTERRUPTED = 7
CHECKSUM = 8
DISK_FULL = 9
EXISTS = 11
PART_FAILED = 12

MEANINGS = {
    OK: "ok",
    FAILED: "anything that has no code of its own",
    USAGE: "usage, or no peer is running and none was asked for",
    NO_HOLDER: "no peer has it",
    RS_UNREACHABLE: "the RS cannot be reached",
    PEERS_FAILED: "peers have it, but all of them failed",
    TIMEOUT: "timeout",
    INTERRUPTED: "interrupted; the same command resumes",
    CHECKSUM: "what came has the wrong checksum",
    DISK_FULL: "the disk is full",
    EXISTS: "another file of that name is there",
    PART_FAILED: "part of a set failed",
}
"""Exit code -> what it means, for ``--help`` and docs/cli.rst."""

_BY_KIND = {
    "no-holder": NO_HOLDER,
    "rs-unreachable": RS_UNREACHABLE,
    "peers-failed": PEERS_FAILED,
    "timeout": TIMEOUT,
    "checksum": CHECKSUM,
    "disk-full": DISK_FULL,
    "exists": EXISTS,
}


class Failure(Exception):
    """A command ends with exit code `code` and one line, `text`, on stderr."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def of_download(download: Mapping[str, Any]) -> int:
    """The exit code for a download that is over, as the API shows it.

    If all its files failed for one reason, the code is that reason's; if only some did, or for several, PART_FAILED.
    """
    codes = {OK if file["state"] in ("done", "there") else _code(file["error"]) for file in download["files"]}
    if download["error"] is not None and OK not in codes and len(codes) != 1:
        codes = {_code(download["error"])}
    if len(codes) > 1:
        return PART_FAILED
    return codes.pop() if codes else OK


def _code(error: Mapping[str, str] | None) -> int:
    return FAILED if error is None else _BY_KIND.get(error["kind"], FAILED)
