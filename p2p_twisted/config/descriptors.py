"""How many descriptors this process may have (`ulimit -n`), and how they are shared out.

A quarter is for unfinished files, half for the connections of others, an eighth each at most for the connections on
which others are followed and are asked what they have, and the rest for files that are sent, downloads and databases.
"""

from __future__ import annotations

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

UNKNOWN, UNLIMITED = 512, 2**20
"""What counts as the limit where the system does not tell, or has none."""
LEAST_FILES, MOST_FILES = 8, 2_000
"""Unfinished files that may be open in any case, and at most."""


def most_files() -> int:
    """Return how many unfinished files may be open by the limit that there is now."""
    return min(max(descriptor_limit() // 4, LEAST_FILES), MOST_FILES)


def most_connections(most: int) -> int:
    """Return how many connections of others there may be by the limit that there is now, at most `most`."""
    return min(descriptor_limit() // 2, most)


def most_peers(most: int) -> int:
    """Return how many peers may be followed, or asked, at a time by the limit that there is now, at most `most`."""
    return min(descriptor_limit() // 8, most)


def descriptor_limit() -> int:
    """Return the limit that there is now: the soft one, which others may change while this process runs."""
    if resource is None:
        return UNKNOWN
    soft: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft
