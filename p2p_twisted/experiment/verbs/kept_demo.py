"""``p2p demo --keep``: the demo keeps running, and prints commands to try."""

from __future__ import annotations

import shlex
import shutil
import sys
import threading
from contextlib import suppress
from pathlib import Path

import click

from ..run.cluster import Cluster

HELLO = "hello.txt"


def keep_running(cluster: Cluster, on_stderr: bool) -> None:
    """Print commands to try, and return when Ctrl-C is pressed or SIGTERM or SIGHUP arrives."""
    with suppress(KeyboardInterrupt):
        click.echo(commands_to_try(cluster), err=on_stderr)
        threading.Event().wait()


def commands_to_try(cluster: Cluster) -> str:
    """Return commands that can be copied into a second terminal, each with a comment."""
    one, two = cluster.peers[:2]
    lines = [
        ("export " + f"P2P_STATE_DIR={_quoted(one.state_dir)}", "the peer that the commands talk to: peer1"),
        ("p2p status", "its address, its RS, what it shares"),
        ("p2p ls", "every document, and the number of peers that have it"),
        ("p2p peers", "the other five"),
        (f"echo Hello > {_quoted(two.share_dir / HELLO)}", "peer2 shares a new file"),
        (f"p2p ls {HELLO}", "peer1 knows of it after a second"),
        (f"p2p get {HELLO} --explain", "peer1 fetches it"),
        (f"p2p rs peers --state-dir {_quoted(cluster.rs.state_dir)}", "the registered peers"),
    ]
    path = _missing_from_path()
    if path is not None:
        lines.insert(0, (f'export PATH={_quoted(path)}:"$PATH"', "make p2p known to this shell"))
    return "\n".join(
        [
            "",
            "The RS and six peers keep running. Type these commands in another terminal:",
            "",
            *(line for command, shows in lines for line in (f"  # {shows}", f"  {command}")),
            "",
            f"Logs and the shared folder of each peer are in {cluster.folder}",
            "Ctrl-C here stops all processes and removes that folder.",
        ]
    )


def _missing_from_path() -> Path | None:
    """Return the folder of this ``p2p`` if the shell would not find it, else None."""
    own = Path(sys.executable).with_name("p2p")
    found = shutil.which("p2p")
    return own.parent if own.exists() and (found is None or not own.samefile(found)) else None


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
