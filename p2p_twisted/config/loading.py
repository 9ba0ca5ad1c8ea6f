"""Loading modules without a pause for the collector of cycles, which finds nothing in them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
