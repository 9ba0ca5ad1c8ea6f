"""Loading modules faster: without the collector of cycles, which finds nothing in them, and without TLS."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast


@contextmanager
def without_collector() -> Iterator[None]:
    """Let the collector not run in the block, and look no more at what is there at its end: all of it stays.

    To look at the objects of modules again and again, as they become more, takes a sixth of the time of a start.
    """
    if not gc.isenabled():  # an outer block
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def without_tls() -> Iterator[None]:
    """Let Twisted be loaded in the block as where pyOpenSSL is not installed.

    Twisted loads it and cryptography wherever they are, which takes a tenth of a start. Without effect once they are
    loaded.
    """
    if "OpenSSL" in sys.modules:
        yield
        return
    modules = cast("dict[str, Any]", sys.modules)
    modules["OpenSSL"] = None  # an import of it raises ModuleNotFoundError
    try:
        yield
    finally:
        del modules["OpenSSL"]
