"""Passwords in URLs, which nobody is to read in a log or on somebody's screen."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"(:/+).*@", re.DOTALL)


def quoted(text: str) -> str:
    """Return `text` in quotation marks, without the user and the password if it is a URL, or was meant to be one."""
    return repr(_LOGIN.sub(r"\1...@", text))
