"""Documents whose names are one name on some file systems: of each group, one is fetched unless asked by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..wire.visible import shown
from .paths import same_elsewhere


def look_alikes(holders: Mapping[str, int], own: Collection[str]) -> dict[str, str]:
    """Return the names that differ only in case or Unicode form from one that is kept, each with the reason.

    `holders` has the number of holders of each name, `own` the names that this peer has. The kept one is that which
    this peer has, else the one that more holders have.
    """
    here = {same_elsewhere(name): name for name in own}
    kept = dict(here)
    for name in sorted(holders, key=lambda name: (-holders[name], name)):
        kept.setdefault(same_elsewhere(name), name)
    found = {}
    for name in holders:
        other = kept[same_elsewhere(name)]
        if other != name:
            where = "which is here" if same_elsewhere(name) in here else "which is fetched"
            found[name] = f"it differs only in case or Unicode form from {shown(other)}, {where}"
    return found
