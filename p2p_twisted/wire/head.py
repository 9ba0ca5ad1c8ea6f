"""The lines of a head, bounded, for requests and responses alike."""

from __future__ import annotations

from .errors import BadRequest
from .limits import MAX_HEAD, MAX_HEAD_LINES, MAX_LINE


def text_of(line: bytes) -> str:
    """The line as text; raises BadRequest when it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BadRequest("a line is not UTF-8") from None


class Head:
    """The lines of one head, bounded. `add` returns them all at the empty line."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def empty(self) -> bool:
        """Whether no line of the head has come yet."""
        return not self._lines

    def add(self, line: bytes) -> list[bytes] | None:
        """Take one line (bytes, no line end). Raises BadRequest over the limits, and for a head that is empty."""
        if not line:
            if not self._lines:
                raise BadRequest("an empty line stands where a first line must be")
            lines, self._lines, self._size = self._lines, [], 0
            return lines
        self._size += len(line) + 2
        if len(line) > MAX_LINE or self._size > MAX_HEAD or len(self._lines) >= MAX_HEAD_LINES:
            raise BadRequest(f"too long: {MAX_LINE} bytes a line, {MAX_HEAD_LINES} lines and {MAX_HEAD} bytes a head")
        self._lines.append(line)
        return None
