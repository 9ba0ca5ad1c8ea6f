"""The outcome of the orders: transfers, arrivals and failures, read from the downloads as the API showed them last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ..results import Arrival, Transfer
from .downloader import COMPLETE, DECIMALS, Downloader


def transfers(downloader: Downloader, roles: Mapping[str, str], start: float) -> list[Transfer]:
    """Return the transfers of a run; ``roles``: address -> role, ``start``: Unix time of the start of the run."""
    return [
        Transfer(
            downloader.member.role,
            file["name"],
            roles.get(address, address),
            part["bytes"],
            round(part["started"] - start, DECIMALS),
            round((part["ended"] or part["started"]) - start, DECIMALS),
        )
        for download in downloader.downloads
        for file in download["files"]
        for address, part in file["sources"].items()
    ]


def arrivals(downloader: Downloader, start: float) -> list[Arrival]:
    """Return the documents that are whole and in place, in the order of their arrival; ``start``: see ``transfers``."""
    role = downloader.member.role
    found = {
        file["name"]: Arrival(role, file["name"], file["size"], round(file["ended"] - start, DECIMALS))
        for download in reversed(downloader.downloads)
        for file in download["files"]
        if file["state"] in COMPLETE
    }
    return sorted(found.values(), key=lambda arrival: arrival.at)


def corrupt_pieces(downloaders: Iterable[Downloader], roles: Mapping[str, str]) -> dict[str, int]:
    """Map each peer that sent pieces with a wrong hash to their number; ``roles``: see ``transfers``."""
    found: Counter[str] = Counter()
    for downloader in downloaders:
        for download in downloader.downloads:
            for source in download.get("sources", ()):
                address = f"{source['host']}:{source['port']}"
                found[roles.get(address, address)] += source["wrong_pieces"]
    return {role: pieces for role, pieces in found.items() if pieces}


def failures(downloader: Downloader) -> dict[str, str]:
    """Map each document that is missing to the reason."""
    there = downloader.arrived
    reasons = {
        file["name"]: file["error"]["text"]
        for download in downloader.downloads
        for file in download["files"]
        if file["error"] is not None
    }
    unknown = "it had not arrived when the run ended"
    return {name: reasons.get(name, unknown) for name in downloader.order.names if name not in there}
