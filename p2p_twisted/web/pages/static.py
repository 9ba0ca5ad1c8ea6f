"""The files that all pages load."""

from __future__ import annotations

from ..http.calls import Endpoint
from ..http.static import page

FILES = ("face.css", "face.js", "icon.svg")


def add_static(root: Endpoint) -> None:
    """Put the files under ``/static/``. Raises OSError if one is missing."""
    static = Endpoint()
    root.putChild(b"static", static)
    for name in FILES:
        static.putChild(name.encode(), page(__package__, name))
