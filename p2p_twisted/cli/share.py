"""``p2p share``: one more folder for the running peer, or a peer in the foreground that shares it; ``p2p unshare``."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlencode

import click

from ..config.shares import Share, parse_readers
from .options import UserPath, Where, for_peer, for_running, text
from .output import clean, count, print_json, say, size, warn_interrupted
from .session import Session, peer, running

READ_TIME = 24 * 3600
"""Seconds that the peer has to read and hash all files of a folder."""


@click.command()
@click.argument("folder", metavar="DIR", type=UserPath(exists=True, file_okay=False, resolve_path=True))
@click.option(
    "--to",
    "readers",
    metavar="NAME,@GROUP",
    help="Share it only with the peers of these names, as in their certificates, and of these groups.",
)
@for_peer
def share(where: Where, folder: Path, readers: str | None) -> None:
    """Share DIR and everything below it.

    The running peer shares it until it stops. If none is running, --rs-host makes this command a peer in the
    foreground, until Ctrl-C.
    """
    path, names = text(str(folder), "DIR"), _names(readers)
    with peer(where, share=[Share(folder, names)]) as session:
        if session.own:
            _serve(session, where, folder)
            return
        order = {"dir": path} if names is None else {"dir": path, "to": names}
        status = session.client.post("shares", order, timeout=READ_TIME)
    if where.as_json:
        print_json(status)
    else:
        to = "" if readers is None else f" with {readers}"
        say(f"sharing {clean(folder)}{to}; {count(status['files'], 'file')}, {size(status['bytes'])}, shared in total")


@click.command()
@click.argument("folder", metavar="DIR", type=UserPath(resolve_path=True))
@for_running
def unshare(where: Where, folder: Path) -> None:
    """Stop sharing DIR, which stays where it is, until the running peer is started again."""
    with running(where) as client:
        status = client.delete("shares?" + urlencode({"dir": text(str(folder), "DIR")}))
    if where.as_json:
        print_json(status)
    else:
        left = f"{count(status['files'], 'file')}, {size(status['bytes'])}"
        say(f"no longer sharing {clean(folder)}; {left}, shared in total")


def _names(readers: str | None) -> tuple[str, ...] | None:
    """Return the value of --to as names. Raises UsageError."""
    try:
        return None if readers is None else parse_readers(readers)
    except ValueError as error:
        raise click.UsageError(f"--to {error}, not {readers!r}") from None


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
