"""The sources of a download, as ``get --explain`` prints them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .output import count, print_table, size, size_field, warn

WHOLE = "the whole file"
"""The reason to choose a source from which files are fetched whole."""


@dataclass
class Source:
    """A peer that sent, or was to send. `size` is the bytes received from it, needed or not; `state` as in the API."""

    address: str
    state: str = "closed"
    size: int = 0
    chosen: Counter[str] = field(default_factory=Counter)
    """Number of requests for each reason."""
    wrong: int = 0
    dropped: str | None = None

    @property
    def outcome(self) -> str:
        """Its outcome, for people."""
        if self.dropped is not None:
            return f"dropped: {self.dropped}"
        if self.wrong:
            return f"{count(self.wrong, 'hash failure')}, fetched elsewhere"
        if self.state == "stalled":
            return "snubbed"
        if not self.chosen:
            return "not connected yet" if self.state == "waiting" else "not needed"
        return "kept"


def sources_of(download: Mapping[str, Any]) -> list[Source]:
    """Return the sources of a download, as the API shows it: one for each address, in the order of the API."""
    found: dict[str, Source] = {}
    for one in download["sources"]:
        source = found.setdefault(f"{one['host']}:{one['port']}", Source(f"{one['host']}:{one['port']}"))
        source.state = one["state"]
        source.size += one["bytes"]
        source.chosen.update(one["chosen"])
        source.wrong += one["wrong_pieces"]
        source.dropped = source.dropped or one["dropped"]
    swarmed = set(found)
    for file in download["files"]:
        whole = [address for address in file["sources"] if address not in swarmed]
        for address in whole:
            source = found.setdefault(address, Source(address))
            source.size += file["sources"][address]["bytes"]
            source.chosen[WHOLE] += 1
            if address != whole[-1] or file["state"] == "failed":
                source.dropped = "it failed"
            elif file["state"] == "running":
                source.state = "connected"
    return list(found.values())


def explain(download: Mapping[str, Any]) -> None:
    """Print on stderr, for each source, the reasons for its requests, its bytes, and why it was banned."""
    sources = sources_of(download)
    if not sources:
        warn("no requests were sent")
        return
    together = sum(source.size for source in sources)
    rows = [
        (
            source.address,
            size_field(source.size, err=True),
            f"{source.size / together:.0%}" if together else "-",
            ", ".join(f"{why}: {times}" for why, times in source.chosen.most_common()) or "-",
            source.outcome,
        )
        for source in sources
    ]
    print_table(("source", "bytes", "share", "chosen for", "outcome"), rows, right=("bytes", "share"), err=True)
    if together and (twice := download["duplicate"]):
        warn(f"{size(twice)} of {size(together)} was received twice ({twice / together:.1%})")
    if (by_site := download["by_site"])["others"]:
        warn(sites(by_site))


def sites(by_site: Mapping[str, int]) -> str:
    """Return what came from which site, for people."""
    saved = f", {size(by_site['saved'])} saved" if by_site["saved"] else ""
    return f"{size(by_site['own'])} from this site, {size(by_site['others'])} from others{saved}"
