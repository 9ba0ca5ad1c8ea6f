"""The errors of a request to a peer or to the RS."""

from __future__ import annotations

LOST = "the connection was lost"
"""The text of an Unreachable that knows no more."""


class FetchError(Exception):
    """An error that ends a fetch. Its text is one line for people."""


class SourceError(FetchError):
    """One source failed; another may not."""


class Unreachable(SourceError):
    """No connection could be made, or it was lost."""


class Stalled(SourceError):
    """Nothing came within a timeout."""


class Garbled(SourceError):
    """The response is not of the protocol, or not to the request."""


class Refused(SourceError):
    """The response has another status than 200: `status`."""

    FORBIDDEN = 403
    NOT_FOUND = 100

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        """`retry_after`: seconds after which the server may grant the request; None if it did not say."""
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


def forget_frames(error: BaseException | None) -> None:
    """Have `error`, which is kept for its text, not keep all the objects through which it was raised."""
    if error is not None:
        error.__traceback__ = error.__context__ = error.__cause__ = None
