"""Extensions of a site from a package on a higher floor, loaded by name because a lower floor may not import it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.python.reflect import namedAny

from .http.calls import Endpoint


@dataclass(frozen=True)
class SiteExtension:
    """The resources that an extension adds to a site, and its service."""

    name: str
    """The last part of the paths of its resources: ``/api/v1/NAME`` and ``/NAME``."""
    api: Endpoint
    page: Endpoint
    service: Any
    """The IService behind them."""
    listening: Callable[[IPv4Address | IPv6Address, str, str], object]
    """Called with each TCP address at which the site listens, the API key, and ``http`` or ``https``."""


def load_extension(name: str, reactor: Any, folder: Path) -> SiteExtension:
    """Return the extension made by the function with the dotted `name`; it may keep files in `folder`.

    Raises OSError if `folder` cannot be used, or a file of the extension is missing.
    """
    extension: SiteExtension = namedAny(name)(reactor, folder)
    return extension
