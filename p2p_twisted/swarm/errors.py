"""The errors of a download, and of one source of it."""

from __future__ import annotations

from ..net.errors import FetchError, SourceError


class DownloadError(FetchError):
    """A document was not fetched. `kind` names the reason, for the API and for the exit code of `p2p get`."""

    kind = "peers-failed"
    is_final = False
    """Whether the pieces that are here are of no use to a later download."""


class NoHolder(DownloadError):
    """No peer is known to have the document."""

    kind = "no-holder"


class PeersFailed(DownloadError):
    """All peers that have the document were tried."""


class WrongContent(DownloadError):
    """The content received is not that of the index record."""

    kind = "checksum"
    is_final = True


class AllCorrupt(DownloadError):
    """All peers that have the document sent wrong pieces; the pieces that are here are right."""

    kind = "checksum"


class Ambiguous(DownloadError):
    """The name has several contents, and the user did not choose one."""

    kind = "ambiguous"
    is_final = True


class NoProgress(DownloadError):
    """Nothing was received for too long."""

    kind = "timeout"


class DiskFull(DownloadError):
    """The disk of this side has no room for it."""

    kind = "disk-full"


class NameTaken(DownloadError):
    """Another file has that name in the target folder, and overwriting was not requested."""

    kind = "exists"
    is_final = True


class Unwritable(DownloadError):
    """The file cannot be written, for a reason other than room."""

    kind = "unwritable"


class PartFileInUse(Unwritable):
    """Another download writes to the .part file."""


class TooManyOpenFiles(Unwritable):
    """This process, or the system, has reached its limit of open files and connections."""


class TooSlow(SourceError):
    """The source sends too slowly to be waited for."""


class Corrupt(SourceError):
    """The source sent pieces, or a piece list, that are not those of the index."""
