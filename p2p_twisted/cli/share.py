"""``p2p share``: one more folder for the running peer, or a peer in the foreground that shares it."""

from __future__ import annotations

import time
from pathlib import Path

import click

from .options import UserPath, Where, for_peer, text
from .output import clean, count, print_json, say, size, warn_interrupted
from .session import Session, peer

READ_TIME = 24 * 3600
"""Seconds that the peer has to read and hash all files of a folder."""


@click.command()
@click.argument("folder", metavar="DIR", type=UserPath(exists=True, file_okay=False, resolve_path=True))
@for_peer
def share(where: Where, folder: Path) -> None:
    """Share DIR and everything below it.

    The running peer shares it until it stops. If none is running, --rs-host makes this command a peer in the
    foreground, until Ctrl-C.
    """
    path = text(str(folder), "DIR")
    with peer(where, share=[folder]) as session:
        if session.own:
            _serve(session, where, folder)
            return
        status = session.client.post("shares", {"dir": path}, timeout=READ_TIME)
    if where.as_json:
        print_json(status)
    else:
        say(f"sharing {clean(folder)}; {count(status['files'], 'file')}, {size(status['bytes'])}, shared in total")


def _serve(session: Session, where: Where, folder: Path) -> None:
    """Print the address, then wait for Ctrl-C, which ends it without an error."""
    status = session.client.get("status")
    if where.as_json:
        print_json(status)
    else:
        say(f"sharing {clean(folder)} at {status['host']}:{status['port']}; Ctrl-C ends it")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        warn_interrupted("leaving")
