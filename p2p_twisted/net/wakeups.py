"""Being woken for more than a packet at a time while a long body comes.

On a slow link the kernel hands over each few packets as they come, and each costs a turn of the reactor. Linux waits
for SO_RCVLOWAT bytes before it says that a socket can be read (socket(7)).
"""

from __future__ import annotations

import socket
import sys
from typing import Any

MOST = 32 * 1024
"""Bytes waited for at the most."""
WAIT = 0.2
"""Seconds that the first of these bytes may wait for the last, as fast as they come."""
SPAN = 0.1
"""Seconds over which the pace is measured at the least."""


class Wakeups:
    """Sets how many bytes `transport` waits for. Does nothing for what is not a TCP connection on Linux."""

    def __init__(self, transport: Any) -> None:
        handle = transport.getHandle() if hasattr(transport, "getHandle") else None
        plain = sys.platform == "linux" and type(handle) is socket.socket
        self._socket: socket.socket | None = handle if plain else None
        self._pace = 0.0
        self._came = 0
        self._mark = 0.0
        self._low = 1

    def came(self, size: int, left: int, now: float) -> None:
        """`size` bytes of a body came at `now` (seconds), of which `left` are still to come."""
        if self._socket is None:
            return
        self._came += size
        if now - self._mark >= SPAN:
            self._pace = self._came / (now - self._mark)
            self._mark, self._came = now, 0
        low = max(1, min(left, MOST, int(self._pace * WAIT)))
        if low < self._low or low > 2 * self._low:
            self._low = low
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, low)
            except OSError:
                self._socket = None  # it is closed
