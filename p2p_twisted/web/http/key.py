"""The key of the control API: a file in the state folder that its owner alone can read."""

from __future__ import annotations

import os
from pathlib import Path

from ..control_client import KEY_FILE, read_key


def load_or_create_key(state_dir: Path) -> str:
    """Return the key in `state_dir` (64 hexadecimal digits), creating it if there is no valid one. Raises OSError."""
    path = state_dir / KEY_FILE
    key = read_key(state_dir) or _create(path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key


def _create(path: Path) -> str:
    """Write a new key beside `path` and rename it, so that no reader sees half a key, or one with a wider mode."""
    key = os.urandom(32).hex()
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    draft.touch(0o600, exist_ok=False)
    draft.write_text(key + "\n", encoding="ascii")
    draft.replace(path)
    return key
