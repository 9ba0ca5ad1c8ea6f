"""How much of what was written to a connection the other end has not acknowledged yet."""

from __future__ import annotations

import sys
from array import array
from typing import Any

from ..config.platform import optional_module

_fcntl, _termios = optional_module("fcntl"), optional_module("termios")
_answer = array("i", [0])
"""What the kernel says; only the reactor's thread asks."""


def unsent(transport: Any) -> int:
    """Return the bytes that the kernel keeps for the TCP connection (SIOCOUTQ, tcp(7)); 0 where that is not known."""
    if sys.platform != "linux" or _fcntl is None or _termios is None:
        return 0
    try:
        _fcntl.ioctl(transport.getHandle().fileno(), _termios.TIOCOUTQ, _answer)
    except (AttributeError, OSError, ValueError):
        return 0  # it is closed, or no socket
    return _answer[0]
