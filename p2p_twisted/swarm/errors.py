"""Why a document, or one source of it, failed."""

from __future__ import annotations

from ..net.errors import FetchError, SourceError


class DownloadError(FetchError):
    """A document was not fetched. `kind` names the reason, for the API and for the exit code of `p2p get`."""

    kind = "peers-failed"
    is_final = False
    """Whether going on with what is there would be of no use."""


class NoHolder(DownloadError):
    """Nobody is known to have it."""

    kind = "no-holder"


class PeersFailed(DownloadError):
    """Everyone who has it was tried."""


class WrongContent(DownloadError):
    """What came is not what the index said."""

    kind = "checksum"
    is_final = True


class AllCorrupt(DownloadError):
    """Everyone who has it sent wrong pieces; what is here is right."""

    kind = "checksum"


class Ambiguous(DownloadError):
    """There are several contents of that name, and it was not said which is meant."""

    kind = "ambiguous"
    is_final = True


class TooSlow(DownloadError):
    """Nothing came for too long."""

    kind = "timeout"


class DiskFull(DownloadError):
    """There is no room for it here."""

    kind = "disk-full"


class Exists(DownloadError):
    """Another file has that name in the target folder, and it was not asked to overwrite it."""

    kind = "exists"
    is_final = True


class Unwritable(DownloadError):
    """It cannot be written here, for a reason other than room."""

    kind = "unwritable"


class Taken(Unwritable):
    """Another process writes to its .part file."""


class NoDescriptor(Unwritable):
    """As many files and connections are open here as may be."""


class Slow(SourceError):
    """What it sends comes too slowly to be waited for."""


class Corrupt(SourceError):
    """It sent pieces, or a piece list, that are not those of the index."""
