"""The key of the control API: a file in the state folder that its owner alone can read.

Imports next to nothing: the client, which must start fast, reads the key with it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

KEY_FILE = "api.key"
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


def load_or_create_key(state_dir: Path) -> str:
    """The key in `state_dir` (64 hexadecimal digits), made if there is none that can be one. Raises OSError."""
    path = state_dir / KEY_FILE
    key = read_key(state_dir) or _create(path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key


def read_key(state_dir: Path) -> str | None:
    """The key in `state_dir`, or None if there is none. Raises OSError if it cannot be read."""
    try:
        text = (state_dir / KEY_FILE).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    return text if _KEY.fullmatch(text) else None


def _create(path: Path) -> str:
    """Write a new key beside `path` and rename it there: nobody ever reads half a key, or one with a wider mode."""
    key = os.urandom(32).hex()
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    draft.touch(0o600, exist_ok=False)
    draft.write_text(key + "\n", encoding="ascii")
    draft.replace(path)
    return key
