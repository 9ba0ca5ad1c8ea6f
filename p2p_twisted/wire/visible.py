"""Text of strangers for people: characters that cannot be seen, or that turn text around, are escaped."""

from __future__ import annotations

import re

from .fields import CONTROL

MAX_SHOWN = 200
"""Characters of a text of strangers that an answer or a line of a log repeats."""

_INVISIBLE = (
    "\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
"""Format characters (Cf), those that are ignored by default, and blank letters, as the inside of a character class.

Variation selectors are not among them: emoji and Chinese names have them rightly.
"""

_HIDDEN = re.compile(f"[{_INVISIBLE}]")
_UNSAFE = re.compile(f"[{CONTROL}{_INVISIBLE}]")


def has_invisible(text: str) -> bool:
    """Return whether `text` has a character that cannot be seen, or that changes the direction of the text."""
    return _HIDDEN.search(text) is not None


def visible(text: str) -> str:
    """Return `text` on one line, with every control, separator and invisible character as a Python escape."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shown(text: str) -> str:
    """Return `text` as `visible` does, cut after MAX_SHOWN characters."""
    found = visible(text[: MAX_SHOWN + 1])
    return found if len(found) <= MAX_SHOWN else f"{found[:MAX_SHOWN]}..."
