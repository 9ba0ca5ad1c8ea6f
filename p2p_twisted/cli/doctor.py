"""``p2p doctor``: look for what keeps the running peer from working well, and say what to do about it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from ..library.scrub import scrub
from . import exits
from .findings import (
    OK,
    PROBLEM,
    Finding,
    of_download_folder,
    of_open_files,
    of_reachability,
    of_room,
    of_rs,
    of_shares,
    of_watches,
)
from .options import Where, for_running
from .output import count, print_json, print_table, size
from .peer_process import look_at
from .session import running

MAX_BAD = 100
"""Most files with a wrong content that are named; the others are counted."""


@click.command()
@click.option("--scrub", "is_scrub", is_flag=True, help="Read all shared files again and compare their SHA-256.")
@for_running
def doctor(where: Where, is_scrub: bool) -> None:
    """Look for what keeps the running peer from working well.

    Each finding is ok, a warning or a problem, with its remedy. The exit code is 1 if there is a problem.
    """
    with running(where) as client:
        status = client.get("status")
    if status["role"] != "peer":
        raise exits.Failure(exits.USAGE, "the process on this state folder is an RS; name a peer's with --state-dir")
    findings = [*_of_peer(status, where.state_dir), *(_of_contents(status, where.state_dir) if is_scrub else ())]
    if where.as_json:
        print_json({"items": [vars(finding) for finding in findings]})
    else:
        rows = [(finding.level, finding.about, finding.text, finding.remedy) for finding in findings]
        print_table(("level", "about", "finding", "remedy"), rows)
    raise SystemExit(exits.FAILED if any(finding.level == PROBLEM for finding in findings) else exits.OK)


def _of_peer(status: Mapping[str, Any], state_dir: Path) -> Iterator[Finding]:
    """Yield what the status, the disks and the system say."""
    yield from of_rs(status["rs"])
    yield of_reachability(status)
    yield from of_shares(status)
    yield from of_download_folder(status["download_dir"])
    for about, folder in (("downloads", Path(status["download_dir"])), ("state", state_dir)):
        with suppress(OSError):  # a folder that has gone is a finding already
            yield of_room(about, folder, shutil.disk_usage(folder).free)
    process = look_at(state_dir)
    if process is not None:
        yield of_open_files(process)
        yield of_watches(process)


def _of_contents(status: Mapping[str, Any], state_dir: Path) -> Iterator[Finding]:
    """Read the shared files again; yield those whose content is not what is shared, and how many were read."""
    files = total = bad = 0
    remedy = "delete it and fetch it again; or 'touch' it, to share what it holds now"
    try:
        for file in scrub(state_dir / "hashes.sqlite", status["shared"]):
            files, total = files + 1, total + file.size
            if file.why is not None:
                bad += 1
                if bad <= MAX_BAD:
                    yield Finding(PROBLEM, "content", f"{file.path} {file.why}", remedy)
    except sqlite3.Error as error:
        text = f"the hashes of the shared files cannot be read: {error}"
        yield Finding(PROBLEM, "content", text, "restart the peer: it reads all files again")
        return
    text = f"{count(files, 'file')} read again, {size(total)}: "
    if bad:
        yield Finding(PROBLEM, "content", f"{text}{bad} not as shared", "see the log of the system for disk errors")
    else:
        yield Finding(OK, "content", f"{text}all as shared")
