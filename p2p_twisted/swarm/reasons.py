"""Why a file cannot be had: what each of its sources did, and the error that all of it makes."""

from __future__ import annotations

from itertools import islice

from ..index.distributed import Address
from .errors import AllCorrupt, Corrupt, DownloadError, FetchError, NoHolder, PeersFailed, Refused

MAX_REASONS = 5
"""Sources whose reason an error names."""


class Reasons:
    """The last reason of each source of each file, by the hash of the file."""

    def __init__(self) -> None:
        self._reasons: dict[str, dict[Address, FetchError]] = {}

    def add(self, sha256: str, address: Address, why: FetchError) -> None:
        """Note why the source at `address` does not give the file."""
        self._reasons.setdefault(sha256, {})[address] = why

    def error(self, sha256: str) -> DownloadError:
        """Return the error of a file that none of its sources gives.

        NoHolder if all have said that they have not got it, AllCorrupt if all have sent wrong pieces, else PeersFailed.
        """
        reasons = self._reasons.get(sha256, {})
        told = [f"{host}:{port}: {why}" for (host, port), why in islice(reasons.items(), MAX_REASONS)]
        said = "; ".join(told + [f"and {len(reasons) - MAX_REASONS} more"] * (len(reasons) > MAX_REASONS))
        if all(isinstance(why, Refused) for why in reasons.values()):
            return NoHolder("no peer has it" + (f" any more; {said}" if said else ""))
        return (AllCorrupt if all(isinstance(why, Corrupt) for why in reasons.values()) else PeersFailed)(said)
