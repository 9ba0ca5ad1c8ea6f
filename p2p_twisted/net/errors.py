"""The errors of a request to a peer or to the RS."""

from __future__ import annotations


class FetchError(Exception):
    """Anything that ends a fetch. The text is one line for people."""


class SourceError(FetchError):
    """One source failed; another may not. The text is one line for people."""


class Unreachable(SourceError):
    """No connection could be made, or it was lost."""


class Stalled(SourceError):
    """Nothing came for longer than one waits."""


class Garbled(SourceError):
    """It answered with what is not the protocol, or not what it was asked for."""


class Refused(SourceError):
    """It answered with a status other than 200, `status`."""

    FORBIDDEN = 403
    NOT_FOUND = 100

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        """`retry_after`: seconds after which the other side may grant it, None if it did not say."""
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
