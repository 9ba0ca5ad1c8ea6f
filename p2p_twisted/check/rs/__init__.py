"""The checks of a registration server."""

from __future__ import annotations

from ..model import checks_of
from ..stress import concurrency, cuts, form, robustness
from . import central, connections, headers, lists, messages, refusals, state, ttl

CHECKS = checks_of(
    messages, form, refusals, state, central, connections, headers, lists, ttl, concurrency, cuts, robustness
)
"""In the order in which they are run: what may kill a server comes last."""
