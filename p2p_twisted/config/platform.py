"""Modules of the standard library that some systems lack."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def optional_module(name: str) -> Any:
    """Return the module `name`, or None where there is none, as ``fcntl`` and ``resource`` on Windows."""
    try:
        return import_module(name)
    except ImportError:
        return None
