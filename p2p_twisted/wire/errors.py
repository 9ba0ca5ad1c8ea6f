"""The errors of a request, each with the status code of its response."""

from __future__ import annotations

OK = 200
PHRASES = {100: "FILE_NOT_FOUND", 200: "OK", 300: "BAD_REQUEST", 403: "FORBIDDEN"}
"""Status code -> phrase of the first line of a response."""


class WireError(Exception):
    """A request is refused. `status` is the code, `reason` one line of plain text."""

    status = 300

    def __init__(self, reason: str, retry_after: int | None = None) -> None:
        """`retry_after`: seconds after which the same request may be granted; None if that is not known."""
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class FileNotFound(WireError):
    """100: no such document here."""

    status = 100


class BadRequest(WireError):
    """300: not a message of this protocol, or one beyond its limits."""


class Forbidden(WireError):
    """403: the cookie and port are not those of a registered (or active) peer."""

    status = 403


REFUSALS: dict[int, type[WireError]] = {100: FileNotFound, 300: BadRequest, 403: Forbidden}
"""Status code of a refusal -> the error that carries it."""
