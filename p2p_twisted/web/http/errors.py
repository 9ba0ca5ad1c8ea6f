"""A refusal of a call, which becomes a JSON answer."""

from __future__ import annotations


class ApiError(Exception):
    """The call is answered with HTTP status `status` and ``{"error": text}``; `headers` go with it."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or {}
