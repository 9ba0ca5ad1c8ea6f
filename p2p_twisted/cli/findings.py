"""What `p2p doctor` says of a peer: each fact as a finding, with what can be done about it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..library.scan_schedule import MAX_WATCHED, POLL
from .output import count, size
from .peer_process import PeerProcess

OK, WARNING, PROBLEM = "ok", "warning", "problem"

MIN_FREE, LOW_FREE = 100_000_000, 1_000_000_000
"""Bytes free on a disk: below the first is a problem, below the second a warning."""

MIN_FILES = 1024
"""Open files that a peer should be allowed at least: half of them may be connections."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is (OK, WARNING or PROBLEM), and the `remedy`, "" if none is needed. One line each."""

    level: str
    about: str
    text: str
    remedy: str = ""


def of_rs(rs: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield whether the RS that the peer uses is reached, and each other RS that has failed."""
    name = f"{rs['host']}:{rs['port']}" if rs["host"] else "no RS is known"
    remedy = "see that an RS runs there and that its port is open from here, or name another with --rs"
    if rs["registered"] and rs["last_error"]:
        yield Finding(WARNING, "RS", f"{name} does not answer: {rs['last_error']}", remedy)
    elif rs["registered"]:
        yield Finding(OK, "RS", f"registered with {name}: {rs['why']}")
    elif rs["last_error"]:
        yield Finding(PROBLEM, "RS", f"{name}: {rs['last_error']}", remedy)
    else:
        yield Finding(WARNING, "RS", f"{name}: not registered yet", "look again in a few seconds")
    for other in rs["others"]:
        if other["last_error"]:
            yield Finding(WARNING, "RS", f"{other['host']}:{other['port']}: {other['last_error']}", remedy)


def of_reachability(status: Mapping[str, Any]) -> Finding:
    """Return whether other peers can connect to this one, which they have tried."""
    rs, address = status["rs"], f"{status['host']}:{status['port']}"
    if rs["reachable"]:
        return Finding(OK, "reachable", f"another peer has connected to {address}")
    if rs["reachable"] is False:
        text, _, remedy = (rs["unreachable_why"] or "").partition("; ")
        return Finding(PROBLEM, "reachable", text, remedy)
    why = "" if status["peers"] else ": no other peer is known"
    return Finding(
        WARNING, "reachable", f"no other peer has tried to connect to {address} yet{why}", "look again later"
    )


def of_shares(status: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield whether the shared folders can be read, and how many of their files are not shared."""
    for folder in status["shared"]:
        if not os.access(folder, os.R_OK | os.X_OK):
            remedy = "create it or mount it, with the rights to read it; or end this with 'p2p unshare'"
            yield Finding(PROBLEM, "shares", f"{folder} cannot be read", remedy)
    left_out, shared = status["not_shared"], f"{count(status['files'], 'file')}, {size(status['bytes'])}"
    if left_out["total"]:
        first = "".join(f"; the first: {item['path']}: {item['why']}" for item in left_out["items"][:1])
        remedy = "'p2p status' has more of them"
        yield Finding(WARNING, "shares", f"{left_out['total']} files or folders are not shared{first}", remedy)
    else:
        yield Finding(OK, "shares", f"all files in the shared folders are shared: {shared}")


def of_download_folder(path: str) -> Iterator[Finding]:
    """Yield a problem if files cannot be written to the download folder `path`."""
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        remedy = "create it, with the rights to write to it, or name another with --download-dir"
        yield Finding(PROBLEM, "downloads", f"{path} cannot be written to", remedy)


def of_room(about: str, path: Path, free: int) -> Finding:
    """Return whether `free` bytes are enough for the folder `path`."""
    level = PROBLEM if free < MIN_FREE else WARNING if free < LOW_FREE else OK
    return Finding(level, about, f"{size(free)} are free at {path}", "" if level == OK else "make room on that disk")


def of_open_files(process: PeerProcess) -> Finding:
    """Return whether the peer may open enough files."""
    limit = process.max_files
    if limit is None:
        return Finding(OK, "open files", f"{process.files} open, without a limit")
    text = f"{process.files} of {limit} open, which gives room for {limit // 2} connections"
    remedy = "raise the limit before the peer starts: 'ulimit -n', or LimitNOFILE= in its systemd unit"
    if process.files * 10 > limit * 9:
        return Finding(PROBLEM, "open files", text, remedy)
    return Finding(WARNING, "open files", text, remedy) if limit < MIN_FILES else Finding(OK, "open files", text)


def of_watches(process: PeerProcess) -> Finding:
    """Return whether the kernel tells the peer of changes in the shared folders."""
    limit = f"fs.inotify.max_user_watches is {process.max_watches}"
    remedy = f"raise it: sysctl -w fs.inotify.max_user_watches={max(2 * process.max_watches, 8 * MAX_WATCHED)}"
    if not process.watches:
        text = f"changes in the shared folders are found every {POLL:.0f} s, and not at once; {limit}"
        return Finding(WARNING, "changes", text, f"share at most {MAX_WATCHED} folders; if they are fewer, {remedy}")
    text = f"{count(process.watches, 'folder')} watched; {limit}"
    if process.watches * 10 > process.max_watches * 9:
        return Finding(WARNING, "changes", text, remedy)
    return Finding(OK, "changes", text)
