"""Captures as tcpdump writes them, made of the bytes of conversations: Ethernet, IPv4 and TCP, in pcap."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from pathlib import Path

CLIENT, SERVER = "10.153.44.84", "10.153.44.86"
_SYN, _FIN, _PSH, _ACK = 2, 1, 8, 16
_INTERVAL = 0.0001
"""Seconds between two frames."""


class Side:
    """One end of a TCP connection: its address, and how much it has sent."""

    def __init__(self, address: str, port: int) -> None:
        self.address = socket.inet_aton(address)
        self.port = port
        self.sent = 0


class Capture:
    """Frames, in the order in which they were captured."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._port = 20_000

    def conversation(
        self, port: int, turns: Sequence[tuple[bool, bytes]], size: int = 1448, last: int = _FIN | _ACK
    ) -> None:
        """Add a connection to `port` of the server, in segments of at most `size` bytes.

        `turns`: pairs (whether the client sends, bytes). `last`: the flags of the server's last segment, without data.
        """
        self._port += 1
        client, server = Side(CLIENT, self._port), Side(SERVER, port)
        self._segment(client, server, _SYN)
        self._segment(server, client, _SYN | _ACK)
        for from_client, data in turns:
            ends = (client, server) if from_client else (server, client)
            for at in range(0, len(data), size):
                self._segment(*ends, _PSH | _ACK, data[at : at + size])
        self._segment(server, client, _FIN | _ACK)
        self._segment(client, server, _FIN | _ACK)

    def write(self, path: Path) -> Path:
        """Write the capture to `path`, and return it."""
        parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)]
        for number, frame in enumerate(self._frames):
            microseconds = round(number * _INTERVAL * 1e6)
            parts.append(struct.pack("<4I", *divmod(microseconds, 1_000_000), len(frame), len(frame)) + frame)
        path.write_bytes(b"".join(parts))
        return path

    def _segment(self, source: Side, target: Side, flags: int, data: bytes = b"") -> None:
        tcp = struct.pack(">HHIIBBHHH", source.port, target.port, source.sent, target.sent, 5 << 4, flags, 65_535, 0, 0)
        size = 20 + len(tcp) + len(data)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 6, 0, source.address, target.address)
        self._frames.append(bytes(12) + b"\x08\x00" + ip + tcp + data)
        source.sent += len(data) + (1 if flags & (_SYN | _FIN) else 0)
