"""What the arguments of ``get`` stand for: documents by name, by a pattern, or all below a folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ..index.query import Pattern, is_pattern
from ..library.paths import why_tricky
from ..web.client import ControlClient
from .documents import DownloadFile, documents, is_elsewhere


@dataclass
class Wanted:
    """What is to be fetched, and what is not."""

    names: list[str] = field(default_factory=list)
    """Documents to order."""
    here: set[str] = field(default_factory=set)
    """Documents that this peer shares, found by a pattern or in a folder."""
    missing: list[str] = field(default_factory=list)
    """Arguments that stand for no document."""
    passed_over: dict[str, str] = field(default_factory=dict)
    """Documents that were found but not named, and by whose names a stranger may mislead: name -> why."""


def is_several(argument: str) -> bool:
    """Whether `argument` may stand for several documents: it holds ``*`` or ``?``, or ends in ``/``."""
    return is_pattern(argument) or argument.endswith("/")


def find(client: ControlClient, arguments: Sequence[str], holders: Collection[str], fetch_own: bool) -> Wanted:
    """Return what `arguments` stand for in the peer's index.

    With `holders` (HOST:PORT), what these peers have counts. Documents that this peer shares itself are `here`, with
    `fetch_own` only those that nobody else has.
    """
    wanted = Wanted()
    for argument in arguments:
        if not is_several(argument):
            wanted.names.append(argument)
            continue
        found = [item for item in _items(client, argument) if item["local"] or is_elsewhere(item, holders)]
        own = {item["name"] for item in found if item["local"]}
        others = [item["name"] for item in found if is_elsewhere(item, holders)]
        names = [name for name in others if fetch_own or name not in own]
        tricky = {name: why for name in names if name != argument and (why := why_tricky(name)) is not None}
        wanted.names += [name for name in names if name not in tricky]
        wanted.here |= own.difference(names)
        wanted.passed_over |= tricky
        if not found:
            wanted.missing.append(argument)
    wanted.names = list(dict.fromkeys(wanted.names))
    return wanted


def _items(client: ControlClient, argument: str) -> list[DownloadFile]:
    """The documents that `argument` stands for; one whose name it is to the letter is meant alone."""
    pattern = argument + "*" if argument.endswith("/") else argument
    items = list(documents(client, pattern))
    exact = [item for item in items if item["name"] == argument]
    matching = Pattern(pattern)
    return exact or [item for item in items if matching.matches(item["name"])]
