"""twistd whose RS may have several workers with a registry in memory each: ``python -m tests.support.apart ...``."""

from __future__ import annotations

from unittest.mock import patch

from twisted.scripts.twistd import run

from p2p_twisted.rs import tap

if __name__ == "__main__":
    with patch.object(tap, "check_workers", lambda options: None):
        run()
