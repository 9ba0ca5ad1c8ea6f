"""The documents that each peer lists, compared with the files on the disks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.soak.command import Command
from benchmarks.soak.record import Version
from p2p_twisted.experiment.run.processes import Member

COMMAND_SECONDS = 60
PAGE = 1000

Address = tuple[str, int]
Files = Mapping[str, Version]
"""The documents of one peer, by name."""
View = dict[tuple[str, Version], tuple[bool, frozenset[Address]]]
"""By name and content: whether the peer that says so has it itself, and who has it, the peer itself included."""


def expected(me: Address, disks: Mapping[Address, Files]) -> View:
    """Return what the peer at ``me`` should say when the peers that run have ``disks``."""
    holders: dict[tuple[str, Version], set[Address]] = {}
    for address, files in disks.items():
        for document in files.items():
            holders.setdefault(document, set()).add(address)
    return {document: (me in found, frozenset(found)) for document, found in holders.items()}


def view_of(items: Iterable[Mapping[str, Any]]) -> View:
    """Return the items of the API, or of ``p2p ls --json``, as a view."""
    return {
        (item["name"], Version(item["size"], item["sha256"])): (
            item["local"],
            frozenset((holder["host"], holder["port"]) for holder in item["holders"]),
        )
        for item in items
    }


def by_api(peer: Member) -> View:
    """Return what ``peer`` says by its API. Raises ControlError."""
    items: list[Mapping[str, Any]] = []
    while True:
        page = peer.control.get("index", limit=PAGE, offset=len(items))
        items += page["items"]
        if not page["items"] or len(items) >= page["total"]:
            return view_of(items)


def by_command(peer: Member, folder: Path) -> View | str:
    """Return what ``p2p ls --json`` says at ``peer``, or the reason why it says nothing."""
    command = Command(folder / f"ls-{peer.role}", "ls", "--json", "--state-dir", str(peer.state_dir))
    code = command.wait(COMMAND_SECONDS)
    return (
        view_of(json.loads(command.out.read_text())["items"]) if code == 0 else f"exit {code}: {command.first_words()}"
    )


def differences(seen: View, right: View, roles: Mapping[Address, str]) -> Iterator[str]:
    """Yield a line for each document in which ``seen`` is not ``right``; ``roles`` names the peers."""
    for name, version in sorted(seen.keys() | right.keys(), key=str):
        document = f"{name} ({version.size} bytes, {version.sha256[:8]})"
        was, should = seen.get((name, version)), right.get((name, version))
        if was is None:
            yield f"{document} is not listed"
        elif should is None:
            yield f"{document} is listed at {_names(was[1], roles)} and nowhere"
        elif was != should:
            here = "" if was[0] == should[0] else f", local: {was[0]}"
            yield f"{document} is listed at {_names(was[1], roles)}, and is at {_names(should[1], roles)}{here}"


def _names(addresses: Iterable[Address], roles: Mapping[Address, str]) -> str:
    return ", ".join(sorted(roles.get(address, f"{address[0]}:{address[1]}") for address in addresses)) or "nobody"
