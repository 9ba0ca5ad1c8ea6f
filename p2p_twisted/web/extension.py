"""Parts that a package above adds to the site of a role, loaded by name so that the role does not import them."""

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
    """Resources of a site."""

    name: str
    """The last part of their paths: ``/api/v1/NAME`` and ``/NAME``."""
    api: Endpoint
    page: Endpoint
    service: Any
    """The IService behind them."""
    listening: Callable[[IPv4Address | IPv6Address, str], object]
    """Called with each TCP address at which the site listens, and the API key."""


def load_extension(name: str, reactor: Any, folder: Path) -> SiteExtension:
    """Return the extension that the function with the dotted `name` makes; `folder` is where it may keep files.

    Raises OSError when `folder` cannot be used, or a file of the extension is missing.
    """
    extension: SiteExtension = namedAny(name)(reactor, folder)
    return extension
