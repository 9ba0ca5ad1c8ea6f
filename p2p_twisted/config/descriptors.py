"""The limit of descriptors of this process (`ulimit -n`), and how they are divided.

A quarter is for unfinished files, half for incoming connections, at most an eighth each for following other peers and
for querying their indexes, and the rest for files that are sent, downloads and databases.
"""

from __future__ import annotations

from .platform import optional_module

resource = optional_module("resource")

UNKNOWN, UNLIMITED = 512, 2**20
"""The assumed limits where the system does not report one, or has none."""
MIN_FILES, MAX_FILES = 8, 2_000
"""Minimum and maximum number of unfinished files that may be open."""


def max_files() -> int:
    """Return how many unfinished files may be open under the present limit."""
    return min(max(descriptor_limit() // 4, MIN_FILES), MAX_FILES)


def max_connections(most: int) -> int:
    """Return how many incoming connections there may be under the present limit, at most `most`."""
    return min(descriptor_limit() // 2, most)


def max_peers(most: int) -> int:
    """Return how many peers may be followed, or queried, at a time under the present limit, at most `most`."""
    return min(descriptor_limit() // 8, most)


def descriptor_limit() -> int:
    """Return the present soft limit, which other processes may change while this one runs."""
    if resource is None:
        return UNKNOWN
    soft: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft
