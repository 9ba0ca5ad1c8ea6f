"""Names of peers, as their certificates have them, and of groups of peers."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def is_name(text: str) -> bool:
    """Return whether `text` can name a peer or a group.

    Only ASCII letters, digits, dots, dashes and underscores: a name is written into lists and into names of files, and
    none looks like another.
    """
    return _NAME.fullmatch(text) is not None
