"""Which reactor a process gets."""

from __future__ import annotations

import sys

from twisted.internet.main import installReactor


def install_reactor() -> None:
    """Install the reactor of this process, unless there is one already: ``twistd -r`` has chosen it."""
    if sys.platform == "linux" and "twisted.internet.reactor" not in sys.modules:
        from .lean_reactor import LeanReactor

        installReactor(LeanReactor())
