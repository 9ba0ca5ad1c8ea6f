"""Names of documents and paths of files: which may be shared, and how to open one without leaving its folder.

A name is the path below the shared folder with ``/`` between its segments. Links are not followed, neither to files
nor to folders: the simplest rule by which no link can lead out of a folder. The shared folder itself may be a link.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from p2p_twisted.wire.fields import has_control
from p2p_twisted.wire.limits import MAX_NAME
from p2p_twisted.wire.visible import has_invisible

from .beneath import open_file_beneath

UNFINISHED = (".part", ".part.state")
"""The ending of an unfinished download's name."""

LONGEST_SEGMENT = 255
"""Most bytes in the name of a file or folder on nearly all file systems."""

MAX_DEPTH = 32
"""Most parts of a name that does not mislead."""

_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\xb9\xb2\xb3]) *(\..*)?", re.IGNORECASE)
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_FORBIDDEN = re.compile('[<>:"|?*]')
_TRICKS: tuple[tuple[Callable[[str], object], str], ...] = (
    (lambda segment: len(segment.encode()) > LONGEST_SEGMENT, f"a part is longer than {LONGEST_SEGMENT} bytes"),
    (lambda segment: segment.startswith("-"), "a part begins with -, as options of commands do"),
    (lambda segment: segment.startswith("~"), "a part begins with ~, as home folders do"),
    (has_invisible, "it has invisible characters, or characters that change the direction of the text"),
    (_FORBIDDEN.search, 'it has one of the characters <>:"|?*, which no name has on Windows'),
    (lambda segment: segment != segment.strip(), "a part begins or ends with a space"),
    (lambda segment: segment.endswith("."), "a part ends with a dot"),
    (_DEVICE.fullmatch, "a part is the name of a device on Windows"),
    (lambda segment: segment.lower().endswith(UNFINISHED), "a part ends as the names of unfinished downloads do"),
)

# Separators and drive letters of other systems are not allowed in names here either.
_FOREIGN = "\\:" if os.name == "nt" else "\\"


def safe_name(name: str) -> tuple[str, ...]:
    """Return the segments of the name of a document that may be shared or downloaded.

    Raises ValueError, saying why, for a name that is empty or longer than MAX_NAME bytes, is not UTF-8, has a control
    character or a backslash, or has a segment that is empty, begins with a dot (``..`` too) or ends in ``.part``.
    """
    if not name or len(name.encode()) > MAX_NAME:
        raise ValueError(f"a name has 1 to {MAX_NAME} bytes")
    if has_control(name) or any(c in name for c in _FOREIGN):
        raise ValueError("a name has no control characters and no backslashes")
    segments = tuple(name.split("/"))
    for segment in segments:
        if not segment or is_unmentioned(segment):
            raise ValueError("no part of a name is empty, hidden or an unfinished download")
    return segments


def is_safe(name: str) -> bool:
    """Whether `safe_name` accepts `name`."""
    try:
        safe_name(name)
    except ValueError:
        return False
    return True


def is_unmentioned(segment: str) -> bool:
    """Return whether an entry of a folder is skipped silently: it is hidden, or an unfinished download."""
    return segment.startswith(".") or segment.endswith(UNFINISHED)


def why_tricky(name: str) -> str | None:
    """Return why a document of this name is fetched only when it is asked for by name, or None.

    Either no file can have the name, or it could mislead people or the commands they type.
    """
    try:
        segments = safe_name(name)
    except ValueError as e:
        return str(e)
    if len(segments) > MAX_DEPTH:
        return f"it lies more than {MAX_DEPTH - 1} folders deep, and each takes room on the disk"
    return next((why for is_one, why in _TRICKS if any(map(is_one, segments))), None)


def same_elsewhere(name: str) -> str:
    """Return a form that is equal for names that are one on some file systems: they differ in case or normal form.

    Variation selectors, which only choose the look of the character before them, make no difference either.
    """
    if name.isascii():
        return name.lower()
    plain = unicodedata.normalize("NFC", _SELECTORS.sub("", name))
    return unicodedata.normalize("NFC", plain.casefold())


def name_of(root: Path, path: Path) -> str | None:
    """Return the name under which the file at `path` is shared from folder `root`; None if it is outside or may not be.

    Compares the two paths; does not look at the disk.
    """
    folder = os.path.join(root, "")  # noqa: PTH118 - for each of many files
    name = os.fspath(path).removeprefix(folder)
    if len(name) == len(os.fspath(path)):
        return None
    name = name.replace(os.sep, "/")
    return name if is_safe(name) else None


def open_beneath(root: Path, name: str) -> int:
    """Open the document `name` below `root` as `open_file_beneath` does. Raises ValueError for an unsafe name, too."""
    return open_file_beneath(root, safe_name(name))
