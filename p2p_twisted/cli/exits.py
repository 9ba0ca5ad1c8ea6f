"""The exit codes of ``p2p``, and which of them an error means."""

from __future__ import annotations

from collections.abc import Collection, Mapping

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
AMBIGUOUS = 10
EXISTS = 11
PART_FAILED = 12
NOT_THERE = 13

MEANINGS = {
    OK: "ok",
    FAILED: "any other error",
    USAGE: "usage error, or no peer is running and --rs-host is not given",
    NO_HOLDER: "no peer has it",
    RS_UNREACHABLE: "the RS cannot be reached",
    PEERS_FAILED: "peers have it, but all of them failed to send it",
    TIMEOUT: "timeout",
    INTERRUPTED: "interrupted; the same command resumes",
    CHECKSUM: "the received content has the wrong checksum",
    DISK_FULL: "the disk is full",
    AMBIGUOUS: "the name has several contents; select one of them",
    EXISTS: "another file with that name exists",
    PART_FAILED: "some of several documents failed",
    NOT_THERE: "the server to check cannot be reached",
}
"""Exit code -> its meaning, for ``--help`` and docs/cli.rst."""

_BY_KIND = {
    "no-holder": NO_HOLDER,
    "rs-unreachable": RS_UNREACHABLE,
    "peers-failed": PEERS_FAILED,
    "timeout": TIMEOUT,
    "checksum": CHECKSUM,
    "disk-full": DISK_FULL,
    "exists": EXISTS,
    "ambiguous": AMBIGUOUS,
}


class Failure(Exception):
    """A command ends with exit code `code` and one line, `text`, on stderr."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def of_error(error: Mapping[str, str] | None) -> int:
    """Return the exit code for the `error` of a file or a download, as the API shows it."""
    return FAILED if error is None else _BY_KIND.get(error["kind"], FAILED)


def together(codes: Collection[int], error: Mapping[str, str] | None) -> int:
    """Return the exit code for documents with these `codes` in a download with this `error` of its own.

    If all failed for one reason, it is that reason's; if only some did, or for several, PART_FAILED.
    """
    if error is not None and OK not in codes and len(codes) != 1:
        return of_error(error)
    return PART_FAILED if len(codes) > 1 else next(iter(codes), OK)
